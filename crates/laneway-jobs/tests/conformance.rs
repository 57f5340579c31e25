//! Do the SQLite stores, in a file and in memory, pass the conformance body?

use std::path::PathBuf;
use std::time::Duration;

use laneway::Runtime;
use laneway::sim::Sim;
use laneway::time::timeout;
use laneway_jobs::conformance::{CASES, Case, Stage};
use laneway_jobs::sqlite::SqliteStore;

/// A case that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
const SEEDS: u64 = 3;

fn run(case: &'static Case, store: SqliteStore) {
    println!("{case:?}");
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(2)
        .build()
        .unwrap();
    let stage = Stage::new(store);
    let task = rt.spawn(timeout(LIMIT, case.run(stage)), laneway::Priority::High);
    assert!(rt.block_on(task).is_ok(), "{case:?} hangs");
}

#[test]
fn memory_passes() {
    for case in CASES {
        run(case, SqliteStore::memory().unwrap());
    }
}

#[test]
fn a_file_passes() {
    for case in CASES {
        let folder = Folder::new(case.name());
        run(case, SqliteStore::open(folder.0.join("jobs.db")).unwrap());
    }
}

#[test]
fn memory_passes_under_simulated_schedules() {
    for case in CASES {
        println!("{case:?}");
        let explored = Sim::seed(0).high(2).low(2).explore(SEEDS, || async {
            let stage = Stage::new(SqliteStore::memory().unwrap());
            case.run(stage).await;
        });
        if let Err(failed) = explored {
            panic!("{case:?}: {failed}");
        }
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!(
            "laneway-jobs-{}-{}",
            std::process::id(),
            name.replace(':', "-")
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
