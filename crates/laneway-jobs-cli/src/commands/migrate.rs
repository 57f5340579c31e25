//! `migrate`: brings a database to the newest schema, or prints the SQL that does.

use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::{Form, Out};
use crate::spec::{Spec, flag};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "migrate",
        takes: "",
        about: "makes the tables of a database, or brings them to the newest schema",
        options: &[flag(
            "print",
            "prints the SQL for such a database, and changes nothing",
        )],
    },
    run,
};

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    if args.has("print") {
        return print(open::migrations(args)?, out);
    }
    let address = open::address(args)?;
    open::newest_store_at(&address)?;
    let version = open::migrations(args)?.len();
    let address = open::shown(&address);
    let answer = json!({"database": address, "schema": version});
    out.tell(
        &format!("{address} has schema {version}, the newest"),
        &answer,
    )
}

fn print(migrations: &[&str], out: &mut Out) -> Result<(), Failure> {
    for (place, sql) in migrations.iter().enumerate() {
        let version = place + 1;
        match out.form() {
            Form::Json => out.json(&json!({"schema": version, "sql": sql}))?,
            Form::People => out.line(&format!("-- Schema {version}.\n{}", sql.trim_end()))?,
        }
    }
    Ok(())
}
