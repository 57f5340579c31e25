//! Fresh processes: how much each measures, and how one is started.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) processes: usize,
    pub(crate) rounds: usize,
}

/// Starts this program again and gives the lines that it prints.
pub(crate) fn child(arguments: &[String]) -> Vec<String> {
    let program = env::current_exe().expect("this program knows its own path");
    let mut child = Command::new(program)
        .arg("--child")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let output = child.stdout.take().expect("the output is piped");
    let lines: io::Result<Vec<String>> = BufReader::new(output).lines().collect();
    let status = child.wait().expect("the child process is ours to wait for");
    assert!(status.success(), "a child process ended with {status}");
    lines.expect("the child process prints text")
}
