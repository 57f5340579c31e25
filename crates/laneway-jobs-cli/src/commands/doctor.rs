//! `doctor`: finds what is wrong with a database, and says what to do.

use laneway::block_on;
use laneway_jobs::postgres::{PostgresStore, ServerFinding};
use laneway_jobs::sqlite::{Finding, SqliteStore};
use laneway_jobs::store::Store;
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

/// A fault, and its remedy.
struct Ill {
    name: &'static str,
    text: String,
    advice: &'static str,
}

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let store = open::store(args)?;
    let findings = examine(&*store)?;
    for Ill { name, text, advice } in &findings {
        let found = json!({"finding": name, "text": text, "advice": advice});
        out.tell(text, &found)?;
        if out.form() == Form::People {
            out.line(&format!("    {advice}"))?;
        }
    }
    match (findings.is_empty(), out.form()) {
        (true, Form::People) => out.line("all is well"),
        (true, Form::Json) => Ok(()),
        (false, _) => Err(Failure::Told),
    }
}

fn examine(store: &dyn Store) -> Result<Vec<Ill>, Failure> {
    let any = store.as_any();
    if let Some(store) = any.downcast_ref::<SqliteStore>() {
        let findings = block_on(store.examine())?;
        return Ok(findings.iter().map(of_file).collect());
    }
    let store = any.downcast_ref::<PostgresStore>();
    let store = store.ok_or_else(|| Failure::refused("doctor does not know this database"))?;
    let findings = block_on(store.examine())?;
    Ok(findings.iter().map(of_server).collect())
}

fn of_file(finding: &Finding) -> Ill {
    Ill {
        name: finding.name(),
        text: finding.to_string(),
        advice: finding.advice(),
    }
}

fn of_server(finding: &ServerFinding) -> Ill {
    Ill {
        name: finding.name(),
        text: finding.to_string(),
        advice: finding.advice(),
    }
}
