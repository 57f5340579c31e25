//! `doctor`: finds what is wrong with a database, and says what to do.

use laneway::block_on;
use laneway_jobs::postgres::PostgresStore;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{Finding, Store};
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
    let findings = examine(&*store)?;
    let told = findings.iter().try_for_each(|finding| tell(finding, out));
    Failure::unless_closed(told)?;
    match (findings.is_empty(), out.form()) {
        (true, Form::People) => out.line("all is well"),
        (true, Form::Json) => Ok(()),
        (false, _) => Err(Failure::Told),
    }
}

fn tell(finding: &Finding, out: &mut Out) -> Result<(), Failure> {
    let (text, advice) = (finding.to_string(), finding.advice());
    let found = json!({"finding": finding.name(), "text": text, "advice": advice});
    out.tell(&text, &found)?;
    match out.form() {
        Form::People => out.line(&format!("    {advice}")),
        Form::Json => Ok(()),
    }
}

fn examine(store: &dyn Store) -> Result<Vec<Finding>, Failure> {
    let any = store.as_any();
    if let Some(file) = any.downcast_ref::<SqliteStore>() {
        return Ok(block_on(file.examine())?);
    }
    let server = any.downcast_ref::<PostgresStore>();
    let server = server.ok_or_else(|| Failure::refused("doctor does not know this database"))?;
    Ok(block_on(server.examine())?)
}
