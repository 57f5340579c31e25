//! Does a program on this runtime run under valgrind, as its users' profilers and checkers want?
//!
//! This needs `valgrind`. Without it the test is skipped, and says so; with
//! `LANEWAY_VALGRIND=required` in the environment that is a failure.

mod program;

use std::env;
use std::process::Command;
use std::time::Duration;

use program::{example, run};

#[test]
fn a_program_runs_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        let is_required = env::var_os("LANEWAY_VALGRIND").is_some_and(|value| value == "required");
        assert!(!is_required, "there is no valgrind");
        println!("skipped: there is no valgrind. On Debian, apt-get install valgrind.");
        return;
    }
    let program = example("hello");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=none"])
        .arg(program.get_program());
    let ended = run(&mut valgrind, Duration::from_secs(120));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // The threads that it names are a matter of chance.
    let tasks = ended.stdout.lines().filter(|l| l.starts_with("hello, "));
    assert_eq!(tasks.count(), 2, "{ended:?}");
}
