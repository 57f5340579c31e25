//! The option that every example takes: `--record FILE`, which writes down what its
//! runtime does, as a page to look at or as a trace.

#![allow(
    dead_code,
    reason = "every example compiles this module and uses a part of it"
)]

#[path = "../output/mod.rs"]
mod output;

use std::cell::RefCell;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;

use clap::{Args, Command, FromArgMatches};
use laneway::observe::{Recorder, Recording};
use laneway::{Builder, HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE, Runtime};

/// The option, and the recorders of the runtimes that were started since.
#[derive(Args)]
pub(crate) struct Record {
    /// Record what the runtime does: FILE.html is a page to look at, FILE.json a trace for
    /// ui.perfetto.dev
    #[arg(long = "record", value_name = "FILE", value_parser = writable)]
    file: Option<PathBuf>,

    #[arg(skip)]
    recorders: RefCell<Vec<Arc<Recorder>>>,
}

/// Refuses a file that cannot be written now, rather than when there is something to lose.
fn writable(file: &str) -> Result<PathBuf, String> {
    let empty = Recorder::new().save(file);
    empty.map_err(|error| error.to_string())?;
    Ok(PathBuf::from(file))
}

impl Record {
    /// Reads the command line of an example that takes nothing else, and that has nothing to tidy
    /// up when its output cannot be printed.
    pub(crate) fn from_args(example: &'static str) -> Record {
        output::may_end(example);
        let command = Record::augment_args(Command::new(example));
        let read = Record::from_arg_matches(&command.get_matches());
        let record = read.unwrap_or_else(|error| error.exit());
        refuse_environment(example);
        record
    }

    /// A new recorder, if one is asked for.
    pub(crate) fn recorder(&self) -> Option<Arc<Recorder>> {
        self.file.as_ref()?;
        let recorder = Arc::new(Recorder::new());
        self.recorders.borrow_mut().push(recorder.clone());
        Some(recorder)
    }

    /// Lets a runtime be recorded, if that is asked for.
    pub(crate) fn watch(&self, builder: Builder) -> Builder {
        match self.recorder() {
            Some(recorder) => builder.with_observer(recorder),
            None => builder,
        }
    }

    /// Lets the process-wide runtime be recorded, if that is asked for. Otherwise the first spawn
    /// starts it, as always.
    pub(crate) fn watch_global(&self) {
        if self.file.is_some() {
            self.watch(Runtime::builder()).run();
        }
    }

    /// The recording so far.
    pub(crate) fn recordings(&self) -> Vec<Recording> {
        let recorders = self.recorders.borrow();
        recorders
            .iter()
            .map(|recorder| recorder.recording())
            .collect()
    }

    /// Writes the recordings. Those of a second runtime and so on go to `FILE-2.html` and so on.
    /// Ends the process if that fails.
    pub(crate) fn save(&self) {
        let Some(first) = &self.file else {
            return;
        };
        for (recorder, number) in self.recorders.borrow().iter().zip(1..) {
            let file = numbered(first, number);
            if let Err(error) = recorder.save(&file) {
                let _ = writeln!(io::stderr(), "{error}");
                exit(1);
            }
            // If stderr is closed, the recording is there nevertheless.
            let _ = writeln!(io::stderr(), "recorded in {}", file.display());
        }
    }
}

/// Ends an example that is told by its environment to have a runtime that cannot be.
fn refuse_environment(example: &str) {
    let mut set = [HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE].into_iter();
    if !set.any(|variable| env::var_os(variable).is_some()) {
        return;
    }
    if let Err(error) = Runtime::builder().build() {
        let _ = writeln!(io::stderr(), "{example}: {error}");
        exit(2);
    }
}

fn numbered(first: &Path, number: u32) -> PathBuf {
    let (Some(stem), Some(extension), 2..) = (first.file_stem(), first.extension(), number) else {
        return first.to_owned();
    };
    let (stem, extension) = (stem.to_string_lossy(), extension.to_string_lossy());
    first.with_file_name(format!("{stem}-{number}.{extension}"))
}
