//! `doctor`: finds what is wrong with a database, and says what to do.

use laneway::block_on;
use laneway_jobs::sqlite::SqliteStore;
use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::{Form, Out};
use crate::spec::Spec;

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "doctor",
        takes: "",
        about: "finds what is wrong with a database; exit code 1 if anything is",
        options: &[],
    },
    run,
};

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let store = open::store(args)?;
    let store = store.as_any().downcast_ref::<SqliteStore>();
    let store = store.ok_or_else(|| Failure::refused("doctor examines SQLite databases alone"))?;
    let findings = block_on(store.examine())?;
    for finding in &findings {
        let (text, advice) = (finding.to_string(), finding.advice());
        let found = json!({"finding": finding.name(), "text": text, "advice": advice});
        out.tell(&format!("{text}\n    {advice}"), &found)?;
    }
    match (findings.is_empty(), out.form()) {
        (true, Form::People) => out.line("all is well"),
        (true, Form::Json) => Ok(()),
        (false, _) => Err(Failure::Told),
    }
}
