//! A folder with a database, and the built program run on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use laneway::block_on;
use laneway::time::sleep;
use laneway_jobs::sqlite::{OpenError, SqliteOptions, SqliteSource, SqliteStore};
use laneway_jobs::store::Store;
use laneway_jobs::{Job, Jobs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A folder of its own, which goes at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-cli-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn file(&self) -> String {
        self.path("jobs.db")
    }

    /// The store of another process, which is no owner.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        if !self.0.join("jobs.db").exists() {
            drop(SqliteStore::open(self.file()).unwrap());
        }
        Arc::new(SqliteOptions::new().visit(self.file()).unwrap())
    }

    pub(crate) fn jobs(&self) -> Jobs {
        Jobs::shared(self.store())
    }

    /// Waits until no store of this process has the file open: the last one's connection is closed
    /// by the thread that ran its last command. Then all is in the file itself.
    pub(crate) fn closed(&self) {
        let begun = Instant::now();
        while let Err(error) = SqliteSource::open(self.file()) {
            assert!(matches!(error, OpenError::InUse(_)), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
            block_on(sleep(Duration::from_millis(2)));
        }
    }

    /// Runs a command on the database.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.command(line).output().unwrap())
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = program(line);
        command.env("LANEWAY_JOBS_DATABASE", self.file());
        command
    }

    pub(crate) fn spawn(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program with the words of a line.
pub(crate) fn program(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_laneway-jobs"));
    command.args(line.split_whitespace());
    command.env_remove("LANEWAY_JOBS_DATABASE");
    command.stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// What was printed, by a command that succeeded without a word of complaint.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.err, "");
        self.out
    }

    /// The objects, one of each line.
    pub(crate) fn json(self) -> Vec<Value> {
        lines(&self.ok())
    }

    /// The one line of a failure.
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("laneway-jobs: "), "{self:?}");
        self.err
    }
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| {
        let parsed = serde_json::from_str(line);
        parsed.unwrap_or_else(|error| panic!("{line}: {error}"))
    });
    lines.collect()
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Text(pub(crate) String);

impl Job for Text {
    const KIND: &'static str = "text";
}
