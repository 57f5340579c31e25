//! `move`: everything goes to another database.

use std::path::Path;

use laneway::block_on;
use laneway_jobs::store::{
    PartTally, StorePart, TransferError, TransferSource, TransferStep, Transferred, transfer,
};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::{Form, Out};
use crate::progress::Progress;
use crate::spec::{Spec, value};
use crate::table::Table;

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "move",
        takes: "",
        about: "moves everything to another database; the old one then refuses",
        options: &[
            value(
                "from",
                "DATABASE",
                "a file or postgres://.. to move; no program may have it open",
            ),
            value(
                "to",
                "DATABASE",
                "the new one: not there, without jobs, or of a move begun before",
            ),
        ],
    },
    run,
};

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    if args.has("database") {
        return Err(Failure::usage("move takes --from and --to, not --database"));
    }
    let (from, to) = (wanted(args, "from")?, wanted(args, "to")?);
    if is_same(from, to) {
        return Err(Failure::usage("--from and --to are the same database"));
    }
    let source = open::source_at(from)?;
    refuse_moved(&*source, to)?;
    let target = open::target_at(to)?;
    let mut told = Told::new(out);
    let moved = block_on(transfer(&*source, &*target, |step| told.step(step)))?;
    told.end()?;
    let before = match moved {
        Transferred::Now => "",
        Transferred::Before => " before",
    };
    let (from, to) = (source.end().name(), target.end().name());
    let answer = json!({
        "moved": true, "before": moved == Transferred::Before, "from": from, "to": to,
    });
    out.tell(
        &format!("the jobs of {from} were moved to {to}{before}"),
        &answer,
    )
}

fn wanted<'a>(args: &'a Args, name: &str) -> Result<&'a str, Failure> {
    let value = args.value(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::usage("move wants --from DATABASE and --to DATABASE"))
}

/// Jobs that were moved before are in a database that is there: another one is not made for them.
fn refuse_moved(source: &dyn TransferSource, to: &str) -> Result<(), Failure> {
    match block_on(source.moved_to())? {
        Some(place) if !open::is_there(to)? => Err(match is_place(&place, to) {
            true => TransferError::TargetLost(place).into(),
            false => TransferError::MovedElsewhere(place).into(),
        }),
        _ => Ok(()),
    }
}

/// Whether a file that is not there would be at this place.
fn is_place(place: &str, file: &str) -> bool {
    let (place, file) = (Path::new(place), Path::new(file));
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    place.file_name() == file.file_name() && folder.is_ok_and(|at| place.parent() == Some(&at))
}

/// Files may have several names.
fn is_same(from: &str, to: &str) -> bool {
    let full = |path: &str| std::fs::canonicalize(path).ok();
    from == to || full(from).is_some_and(|from| full(to) == Some(from))
}

/// The messages about the steps. An output that is closed does not end a move.
struct Told<'o> {
    out: &'o mut Out,
    progress: Progress,
    table: Table,
    failed: Result<(), Failure>,
}

impl Told<'_> {
    fn new(out: &mut Out) -> Told<'_> {
        Told {
            out,
            progress: Progress::new(),
            table: Table::new(&["part", "rows", "checksum"]),
            failed: Ok(()),
        }
    }

    fn step(&mut self, step: TransferStep) {
        match step {
            TransferStep::Copied(part, rows) => {
                self.progress
                    .show(&format!("{}: {rows} copied", part.name()));
            }
            TransferStep::Compared(part, tally) => self.compared(part, tally),
            TransferStep::Anew => self.progress.show("the source has changed; once more"),
            TransferStep::Retired | TransferStep::Released => {}
        }
        if self.out.form() == Form::Json && self.failed.is_ok() {
            let out = &mut *self.out;
            self.failed = out.json(&to_json(step)).and_then(|()| out.end());
        }
    }

    fn compared(&mut self, part: StorePart, tally: PartTally) {
        let checksum = format!("{:016x}", tally.checksum);
        let row = vec![part.name().to_owned(), tally.rows.to_string(), checksum];
        self.table.row(row);
    }

    fn end(self) -> Result<(), Failure> {
        drop(self.progress);
        match self.out.form() {
            Form::People if self.table.is_empty() => Ok(()),
            Form::People => self.out.table(&self.table),
            Form::Json => self.failed,
        }
    }
}

fn to_json(step: TransferStep) -> Value {
    match step {
        TransferStep::Copied(part, rows) => {
            json!({"step": "copied", "part": part.name(), "rows": rows})
        }
        TransferStep::Anew => json!({"step": "anew"}),
        TransferStep::Compared(part, tally) => json!({
            "step": "compared",
            "part": part.name(),
            "rows": tally.rows,
            "checksum": format!("{:016x}", tally.checksum),
        }),
        TransferStep::Retired => json!({"step": "retired"}),
        TransferStep::Released => json!({"step": "released"}),
    }
}
