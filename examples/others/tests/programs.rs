//! Do crates that were made for other runtimes work on Laneway? Each program is run, and talks to
//! itself over the loopback.

#[cfg(unix)]
mod postgres;

use std::process::{Command, Output, Stdio};

/// Runs a program to its end.
fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the program has been built")
}

/// What a program prints that succeeds.
#[track_caller]
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn reqwest_asks_a_server_of_laneways() {
    let lines = printed(env!("CARGO_BIN_EXE_laneway-reqwest"), &[]);
    assert_eq!(lines, "you asked for /first\nyou asked for /second\n");
}

#[test]
fn websockets_talk_over_laneways_sockets() {
    let lines = printed(env!("CARGO_BIN_EXE_laneway-websocket"), &[]);
    assert_eq!(lines, "hello\nand goodbye\n2 texts came back\n");
}

#[test]
fn what_smols_programs_do_works_on_laneways_workers() {
    let lines = printed(env!("CARGO_BIN_EXE_laneway-smol"), &[]);
    let heard = "heard: ann is here, bob is here, eve is here\n";
    let all: String = ["ann", "bob", "eve"]
        .map(|name| format!("{name} {heard}"))
        .concat();
    assert_eq!(lines, all + "a process wrote, and a thread of the pool\n");
}

#[test]
#[cfg(unix)]
fn sqlx_asks_a_database_from_several_tasks() {
    let Some(server) = postgres::Server::start() else {
        return;
    };
    let lines = printed(env!("CARGO_BIN_EXE_laneway-sqlx"), &[&server.url()]);
    assert_eq!(lines, "the ten sums make 220\n");
}

#[test]
fn sqlx_without_a_database_says_so() {
    let sqlx = env!("CARGO_BIN_EXE_laneway-sqlx");
    assert_eq!(run(sqlx, &[]).status.code(), Some(2));
    let nobody = run(sqlx, &["postgres://tester@127.0.0.1:1/postgres"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(nobody.stderr.starts_with(b"laneway-sqlx: "));
}

#[test]
fn neither_sqlx_nor_smol_nor_async_tungstenite_brings_tokio() {
    let tree = |package: &str| {
        let arguments = ["tree", "--offline", "-p", "laneway-others", "-e", "normal"];
        let inverse = ["--prefix", "none", "--invert", package];
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo).args(arguments).args(inverse).output();
        String::from_utf8(output.expect("cargo runs").stdout).expect("it prints text")
    };
    let needs_tokio = tree("tokio");
    for name in ["sqlx", "smol ", "async-tungstenite "] {
        let its = needs_tokio.lines().find(|line| line.starts_with(name));
        assert_eq!(its, None, "{needs_tokio}");
    }
    for name in ["async-compat ", "reqwest "] {
        assert!(needs_tokio.contains(name), "{needs_tokio}");
    }
}
