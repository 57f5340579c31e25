//! Does a move that is killed at any time go on, and is one file at most open in between?

use std::fs;
use std::io::{BufRead, BufReader};

use crate::support::{Folder, Text};
use laneway::block_on;
use laneway_jobs::sqlite::{OpenError, SqliteStore};

const JOBS: usize = 3_000;

fn filled(folder: &Folder) {
    let jobs = folder.jobs();
    block_on(async {
        let many = (0..JOBS).map(|n| jobs.enqueue(Text(n.to_string())));
        jobs.enqueue_all(many).await.unwrap();
    });
    drop(jobs);
    folder.closed();
}

fn line(folder: &Folder) -> String {
    let (from, to) = (folder.file(), folder.path("new.db"));
    format!("move --from {from} --to {to} --json")
}

/// Ends the move when it has told of this number of steps. It may be further by then.
fn kill_after(folder: &Folder, steps: usize) {
    let mut child = folder.spawn(&line(folder));
    let told = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(told.take(steps).all(|line| line.is_ok()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_move_goes_on_to_its_end() {
    let model = Folder::new("model");
    filled(&model);
    let folder = Folder::new("killed");
    for steps in [0, 1, 2, 3, 5, 7, 9, 12, 14, 16] {
        let _ = fs::remove_file(folder.path("new.db"));
        fs::copy(model.file(), folder.file()).unwrap();
        kill_after(&folder, steps);
        one_is_open_at_most(&folder);
        kill_after(&folder, steps / 2);
        let moved = folder.run(&line(&folder)).json();
        assert_eq!(moved.last().unwrap()["moved"], true, "{steps}");
        let to = folder.path("new.db");
        let listed = folder.run(&format!("list --json --limit 4000 --database {to}"));
        assert_eq!(listed.json().len(), JOBS, "{steps}");
        assert!(folder.run("list").fails(1).contains("were moved to"));
        assert_eq!(
            folder.run(&format!("doctor --database {to}")).ok(),
            "all is well\n"
        );
    }
}

/// A target that has not begun to be filled is an empty database like any other.
fn one_is_open_at_most(folder: &Folder) {
    let old = SqliteStore::open(folder.file());
    let has_jobs = match SqliteStore::open(folder.path("new.db")) {
        Ok(_) => {
            let to = folder.path("new.db");
            !folder
                .run(&format!("list --json --database {to}"))
                .json()
                .is_empty()
        }
        Err(OpenError::Filling { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    assert!(!(old.is_ok() && has_jobs), "both are open");
}

#[test]
fn a_database_in_use_is_not_moved() {
    let folder = Folder::new("in-use");
    filled(&folder);
    let owner = SqliteStore::open(folder.file()).unwrap();
    assert!(folder.run(&line(&folder)).fails(1).contains("is in use"));
    drop(owner);
    let guest = folder.store();
    assert!(folder.run(&line(&folder)).fails(1).contains("is in use"));
    drop(guest);
    folder.run(&line(&folder)).ok();
}

#[test]
fn a_target_with_jobs_and_one_of_another_move_are_refused() {
    let folder = Folder::new("not-empty");
    filled(&folder);
    fs::copy(folder.file(), folder.path("new.db")).unwrap();
    assert!(folder.run(&line(&folder)).fails(1).contains("is not empty"));
    let to = folder.path("new.db");
    let mark = "CREATE TABLE laneway_move (one INTEGER, source TEXT);
        INSERT INTO laneway_move VALUES (1, '/another.db')";
    let connection = rusqlite::Connection::open(&to).unwrap();
    connection.execute_batch(mark).unwrap();
    drop(connection);
    let told = folder.run(&line(&folder)).fails(1);
    assert!(told.contains("being filled from /another.db"), "{told}");
    let told = folder.run(&format!("list --database {to}")).fails(1);
    assert!(told.contains("has not ended; run it again"), "{told}");
}
