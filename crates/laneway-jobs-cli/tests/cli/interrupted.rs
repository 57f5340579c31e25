//! Does a bench that is interrupted leave nothing behind?

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::{Folder, ran};
use laneway::block_on;
use laneway::time::sleep;

/// More jobs than there is time for.
const BENCH: &str = "bench --jobs 100000000";

fn interrupt(child: Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let ended = ran(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!((&*ended.out, &*ended.err), ("", ""));
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        block_on(sleep(Duration::from_millis(2)));
    }
}

#[test]
fn a_file_of_its_own_is_gone() {
    let folder = Folder::new("interrupted");
    let temporary = folder.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut bench = folder.command(BENCH);
    let piped = || std::process::Stdio::piped();
    let bench = bench
        .env("TMPDIR", &temporary)
        .stdout(piped())
        .stderr(piped());
    let child = bench.spawn().unwrap();
    let files = || fs::read_dir(&temporary).unwrap().count();
    // The folder comes after the handler.
    eventually("the bench has begun", || files() > 0);
    interrupt(child);
    assert_eq!(files(), 0);
}

#[test]
fn the_jobs_in_a_given_database_are_gone() {
    let folder = Folder::new("interrupted-given");
    drop(folder.store());
    let child = folder.spawn(&format!("{BENCH} --database {}", folder.file()));
    let jobs = || folder.run("list --json --limit 1").json().len();
    eventually("jobs are there", || jobs() > 0);
    interrupt(child);
    assert_eq!(jobs(), 0);
}
