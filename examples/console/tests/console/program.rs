//! The program of this package, started by a test and ended with it at the latest.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long anything may take here. Reached only when something is wrong.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Its lines of output, then of errors, each followed by the end.
    out: Receiver<String>,
    err: Receiver<String>,
}

/// How a program has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Program {
    pub(crate) fn start(options: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_laneway-console"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program has been built");
        Program {
            out: lines(child.stdout.take().expect("it is piped")),
            err: lines(child.stderr.take().expect("it is piped")),
            child,
        }
    }

    /// The address that it serves at, as it says in its first line.
    pub(crate) fn address(&self) -> String {
        let line = self.out.recv_timeout(DEADLINE);
        let line = line.unwrap_or_else(|error| panic!("no line of output: {error}"));
        let (_, address) = line
            .split_once("tokio-console ")
            .expect("the command to type");
        address.to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let rest = |lines: &Receiver<String>| {
            let mut rest = Vec::new();
            loop {
                match lines.recv_timeout(DEADLINE) {
                    Ok(line) => rest.push(line),
                    Err(mpsc::RecvTimeoutError::Disconnected) => return rest,
                    Err(mpsc::RecvTimeoutError::Timeout) => panic!("it goes on: {rest:?}"),
                }
            }
        };
        let (out, err) = (rest(&self.out), rest(&self.err));
        let status = self.child.wait().expect("it is this process's child");
        Ended { status, out, err }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on a thread, so that the reader can give up.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, read) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    read
}
