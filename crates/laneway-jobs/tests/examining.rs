//! What does an examination find in a file?

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use laneway::block_on;
use laneway_jobs::sqlite::{OpenError, SqliteOptions, SqliteStore};
use laneway_jobs::store::Finding;
use rusqlite::Connection;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-{}-examining-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("jobs.db")
    }

    /// What is found after a change to a new file.
    fn found(&self, change: &str) -> Vec<Finding> {
        drop(SqliteStore::open(self.file()).unwrap());
        let connection = Connection::open(self.file()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let store = SqliteOptions::new().visit(self.file()).unwrap();
        block_on(store.examine()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn job(columns: &str, values: &str) -> String {
    format!(
        "INSERT INTO laneway_job (id, kind, queue, lane, run_at, max_attempts, created_at, payload,
             {columns})
         VALUES (randomblob(16), 'k', 'q', 1, 5, 3, 5, '1', {values});"
    )
}

#[test]
fn a_new_file_is_well() {
    assert_eq!(Folder::new("well").found(""), []);
}

#[test]
fn each_fault_is_found_by_its_name() {
    let unknown = |jobs| Finding::UnknownStanding { jobs };
    let name = |name: &str| name.to_owned();
    let cases = [
        (
            "DROP INDEX laneway_job_ready".to_owned(),
            Finding::MissingIndex {
                name: name("laneway_job_ready"),
            },
        ),
        (
            "CREATE INDEX mine ON laneway_job (kind)".to_owned(),
            Finding::ExtraIndex { name: name("mine") },
        ),
        (
            "ALTER TABLE laneway_step ADD COLUMN more".to_owned(),
            Finding::AlteredSchema {
                name: name("laneway_step"),
            },
        ),
        (job("state", "9"), unknown(1)),
        (job("state", "1"), unknown(1)),
        (job("state", "2"), unknown(1)),
        (
            job("state, fence, lease_until", "1, 1, 7"),
            Finding::ExpiredLeases { jobs: 1 },
        ),
        (
            job("state, finished_at", "5, 7"),
            Finding::Quarantined { jobs: 1 },
        ),
    ];
    for (place, (change, wanted)) in cases.into_iter().enumerate() {
        let found = Folder::new(&place.to_string()).found(&change);
        assert_eq!(found, [wanted], "{change}");
    }
}

#[test]
fn a_queue_that_is_paused_while_jobs_wait_is_found() {
    let pause = "INSERT INTO laneway_queue (name, paused) VALUES ('q', 1), ('empty', 1);";
    let found = Folder::new("paused").found(&(pause.to_owned() + &job("state", "0")));
    assert!(
        matches!(&found[..], [Finding::LongPaused { queue, .. }] if queue == "q"),
        "{found:?}"
    );
}

#[test]
fn a_clock_that_is_behind_the_file_is_found() {
    let hour = SystemTime::now() + Duration::from_secs(3_600);
    let hour = hour.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let change = format!("UPDATE laneway_meta SET clock = {}", hour.as_micros());
    let found = Folder::new("clock").found(&change);
    assert!(matches!(&found[..], [Finding::ClockAhead { by }] if by.as_secs() > 3_500));
}

#[test]
fn damage_is_found() {
    let folder = Folder::new("damage");
    let many = job("state", "0").repeat(400);
    assert_eq!(folder.found(&many), []);
    let connection = Connection::open(folder.file()).unwrap();
    let text = "SELECT rootpage FROM sqlite_schema WHERE name = 'laneway_job_ready'";
    let page: u32 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    drop(connection);
    let mut bytes = fs::read(folder.file()).unwrap();
    let begin = (page as usize - 1) * 4_096;
    bytes[begin + 8..begin + 4_096].fill(0x55);
    fs::write(folder.file(), bytes).unwrap();
    let store = SqliteOptions::new().visit(folder.file()).unwrap();
    let found = block_on(store.examine()).unwrap();
    assert!(matches!(found[0], Finding::Damaged { .. }), "{found:?}");
}

#[test]
fn a_visit_makes_no_file_and_no_tables_and_takes_no_jobs_over() {
    let folder = Folder::new("visit");
    let visit = || SqliteOptions::new().visit(folder.file());
    assert!(matches!(visit(), Err(OpenError::NoJobs(_))));
    assert!(!folder.file().exists());
    let connection = Connection::open(folder.file()).unwrap();
    connection.execute_batch("CREATE TABLE mine (a)").unwrap();
    assert!(matches!(visit(), Err(OpenError::NoJobs(_))));
    let text = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    drop(SqliteStore::open(folder.file()).unwrap());
    let owner = || -> String {
        let text = "SELECT owner FROM laneway_meta";
        connection.query_row(text, [], |row| row.get(0)).unwrap()
    };
    let before = owner();
    drop(visit().unwrap());
    assert_eq!(owner(), before);
}

/// The bytes of a page.
const PAGE: usize = 4_096;

/// Most damage ends the check by an error, and some is told by it.
#[test]
fn damage_is_found_wherever_it_lies() {
    let folder = Folder::new("damaged");
    let insert = job("lease_until", "NULL").replace("'1'", "zeroblob(600)");
    drop(SqliteStore::open(folder.file()).unwrap());
    let connection = Connection::open(folder.file()).unwrap();
    connection.execute_batch(&insert.repeat(100)).unwrap();
    let text = "SELECT rootpage FROM sqlite_schema WHERE name = 'laneway_job'";
    let first: u32 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    drop(connection);
    let whole = fs::read(folder.file()).unwrap();
    let pages = first as usize - 1..whole.len() / PAGE;
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let mut bytes = whole.clone();
        bytes[page * PAGE..][..PAGE].fill(0xff);
        let file = folder.0.join(format!("{page}.db"));
        fs::write(&file, bytes).unwrap();
        let told = told_of(file);
        assert!(
            told.contains("malformed") || told.contains("Damaged"),
            "{page}: {told}"
        );
    }
}

/// The findings, or the reason why the file does not open.
fn told_of(file: PathBuf) -> String {
    match SqliteOptions::new().visit(file) {
        Ok(store) => format!("{:?}", block_on(store.examine()).unwrap()),
        Err(refused) => refused.to_string(),
    }
}
