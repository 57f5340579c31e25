//! Fresh processes: this program once more, and that of the peers.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clap::ValueEnum;

use crate::assignment::Assignment;

/// The work of this program where it was started by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    Throughput,
    Starts,
    Overtaking,
    GrowthDone,
    GrowthReady,
    GrowthScheduled,
    Process,
}

/// The first argument of this program where it was started by itself.
pub(crate) const CHILD: &str = "--child";

/// This program, to be started once more.
pub(crate) fn ours(work: Work, assignment: &Assignment) -> io::Result<Command> {
    let work = work.to_possible_value().expect("none is skipped");
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, work.get_name()]);
    command.args(assignment.to_arguments());
    Ok(command)
}

/// The peers' program.
#[derive(Debug)]
pub(crate) struct PeersProgram(PathBuf);

impl PeersProgram {
    /// Builds it. It has a lock file and a target folder of its own.
    pub(crate) fn build() -> io::Result<PeersProgram> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        eprintln!("building the peers");
        let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "--manifest-path",
            ])
            .arg(folder.join("Cargo.toml"))
            .env_remove("CARGO_TARGET_DIR")
            .status()?;
        match status.success() {
            true => Ok(PeersProgram(
                folder.join("target/release/laneway-jobs-peers"),
            )),
            false => Err(io::Error::other("the peers could not be built")),
        }
    }

    pub(crate) fn command(&self, assignment: &Assignment) -> Command {
        let mut command = Command::new(&self.0);
        command.args(assignment.to_arguments());
        command
    }
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Fresh {
    child: Child,
    told: BufReader<ChildStdout>,
    input: ChildStdin,
}

impl Fresh {
    pub(crate) fn start(command: &mut Command) -> io::Result<Fresh> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok(Fresh {
            child,
            told: BufReader::new(output.expect("the output is piped")),
            input: input.expect("the input is piped"),
        })
    }

    /// Reads until it says this.
    pub(crate) fn wait_for(&mut self, word: &str) -> io::Result<()> {
        let mut line = String::new();
        while line.trim_end() != word {
            line.clear();
            if self.told.read_line(&mut line)? == 0 {
                return Err(io::Error::other("a process ended before it was ready"));
            }
        }
        Ok(())
    }

    pub(crate) fn tell(&mut self, word: &str) -> io::Result<()> {
        writeln!(self.input, "{word}")
    }

    /// All lines that it prints until its end.
    pub(crate) fn lines(mut self) -> io::Result<Vec<String>> {
        let lines: io::Result<Vec<String>> = self.told.lines().collect();
        let status = self.child.wait()?;
        match status.success() {
            true => lines,
            false => Err(io::Error::other(format!("a process ended with {status}"))),
        }
    }
}
