//! Runs an example's executable, with a limit on its time.

#![allow(
    dead_code,
    reason = "every test file compiles this module and uses a part of it"
)]

use std::env::consts::EXE_SUFFIX;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code, or `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command that runs an example, from where cargo puts it: beside the folder of the test
/// executables.
///
/// `cargo test` builds all examples before it runs any test; `cargo test --test NAME` does not.
pub(crate) fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in PROFILE/deps");
    let path = profile.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    assert!(
        path.exists(),
        "{} is missing: cargo build --examples makes it",
        path.display()
    );
    let mut command = Command::new(path);
    // A configuration in the environment is not meant for the tests.
    command.env_remove("LANEWAY_HIGH_NUM");
    command.env_remove("LANEWAY_LOW_NUM");
    command
}

/// Runs a program to its end.
///
/// # Panics
///
/// If it takes longer than `limit`. It is killed then.
#[track_caller]
pub(crate) fn run(command: &mut Command, limit: Duration) -> Ended {
    let command = command
        // A panic's message is enough.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let deadline = Instant::now() + limit;
    let mut child = command.spawn().expect("the program starts");
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    // Both pipes come to their end when the program does.
    let stdout = receive(&stdout, deadline, &mut child);
    let stderr = receive(&stderr, deadline, &mut child);
    let status = child.wait().expect("a child can be waited for");
    Ended {
        code: status.code(),
        stdout,
        stderr,
    }
}

/// Reads a pipe to its end on a thread of its own.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let mut pipe = pipe.expect("the pipe was asked for");
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        // The receiver is gone if the limit has passed.
        let _ = sender.send(String::from_utf8(bytes).expect("the output is UTF-8"));
    });
    receiver
}

#[track_caller]
fn receive(output: &Receiver<String>, deadline: Instant, child: &mut Child) -> String {
    let left = deadline.saturating_duration_since(Instant::now());
    match output.recv_timeout(left) {
        Ok(output) => output,
        Err(RecvTimeoutError::Timeout) => {
            let killed = child.kill();
            panic!("the program ran longer than its limit; killed: {killed:?}");
        }
        Err(RecvTimeoutError::Disconnected) => panic!("the program's output could not be read"),
    }
}
