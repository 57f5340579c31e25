//! Do the examples keep their promises on Postgres as well?

use std::env::consts::EXE_SUFFIX;
use std::process::{Command, Stdio};

use super::server;

/// The last lines that an example prints on a server, in a schema of its own.
#[track_caller]
fn assert_says(name: &str, line: &str) {
    let Some(server) = server::shared() else {
        return;
    };
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in PROFILE/deps");
    let path = profile.join(format!("examples/{name}{EXE_SUFFIX}"));
    assert!(
        path.exists(),
        "{} is missing: cargo build -p laneway-jobs --examples makes it",
        path.display()
    );
    let url = server.url();
    let sign = if url.contains('?') { '&' } else { '?' };
    let mut program = Command::new(path);
    program.env_remove("LANEWAY_HIGH_NUM");
    program.env_remove("LANEWAY_LOW_NUM");
    program.args(["--postgres", &format!("{url}{sign}schema=example_{name}")]);
    let ended = program.stdin(Stdio::null()).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    let complained = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}\n{complained}");
    assert!(
        said.lines().any(|said| said == line),
        "{said}\n{complained}"
    );
}

#[test]
fn mails_are_sent() {
    assert_says("mailer", "a receipt from the readers");
}

#[test]
fn a_batch_fans_out() {
    assert_says("fan_out", "16 jobs: 15 done, 1 failed");
}

#[test]
fn coins_are_moved_exactly_once() {
    assert_says("exactly_once", "Ada has 945 coins, Grace 55");
}
