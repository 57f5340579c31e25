//! The process of a server, seen from outside.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::peer::Peer;
use crate::profile;
use crate::wire::Wire;

/// The program of all servers, as it was built.
pub(crate) struct Program {
    path: PathBuf,
    threads: usize,
}

/// A server that runs. Dropped, it ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The resources that a server has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) cpu_ns: u64,
    pub(crate) context_switches: u64,
    pub(crate) low_polls: u64,
}

impl Program {
    /// Builds it with the profile of this program. `None` if that cannot be done: without cargo.
    pub(crate) fn build(threads: usize) -> Option<Program> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--profile", profile::option()])
            .args(["--features", "http", "--bin", "laneway-peers-http"])
            .args(["--manifest-path", manifest])
            .status();
        let built = built.is_ok_and(|status| status.success());
        let this = env::current_exe().expect("this program knows its own path");
        let path = this.with_file_name("laneway-peers-http");
        let path = path.with_extension(env::consts::EXE_EXTENSION);
        built.then_some(Program { path, threads })
    }

    pub(crate) fn start(&self, peer: Peer, steps: u64, wire: Wire) -> Server {
        let command = Command::new(&self.path);
        let started = self.start_by(command, peer, steps, wire);
        started.expect("the program was built")
    }

    /// Starts a server that callgrind counts. Its file is written when the server ends.
    pub(crate) fn start_under_callgrind(&self, peer: Peer, file: &Path) -> io::Result<Server> {
        let mut command = Command::new("valgrind");
        let mut output = OsString::from("--callgrind-out-file=");
        output.push(file);
        command.args(["--quiet", "--tool=callgrind"]).arg(output);
        command.arg(&self.path);
        self.start_by(command, peer, 0, Wire::Plain)
    }

    fn start_by(
        &self,
        mut command: Command,
        peer: Peer,
        steps: u64,
        wire: Wire,
    ) -> io::Result<Server> {
        let mut process = command
            .args([peer.name(), self.threads.to_string(), steps.to_string()])
            .arg(wire.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = process.stdin.take();
        let answers = process.stdout.take().expect("the output is piped");
        let mut answers = BufReader::new(answers);
        let address = line(&mut answers);
        let address = address.parse().expect("the server prints its address");
        Ok(Server {
            address,
            process,
            questions,
            answers,
        })
    }
}

impl Server {
    pub(crate) fn used(&mut self) -> Used {
        let questions = self.questions.as_mut();
        let questions = questions.expect("it stays until the drop");
        questions.write_all(b"\n").expect("the server reads");
        let line = line(&mut self.answers);
        let numbers: Vec<u64> = line.split(',').flat_map(str::parse).collect();
        let [cpu_ns, context_switches, low_polls] = numbers[..] else {
            panic!("the server printed {line:?}");
        };
        Used {
            cpu_ns,
            context_switches,
            low_polls,
        }
    }
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("the server prints text");
    line.trim_end().to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends with its input.
        self.questions = None;
        self.process
            .wait()
            .expect("the server's process is ours to wait for");
    }
}
