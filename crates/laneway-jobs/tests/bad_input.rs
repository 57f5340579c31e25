//! What does a program get that opens what it should not?

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use laneway::block_on;
use laneway_jobs::sqlite::{
    Durability, MIGRATIONS, OpenError, SqliteOptions, SqliteSource, SqliteStore, SqliteTarget,
};
use laneway_jobs::store::StoreError;
use laneway_jobs::{EnqueueError, Enqueued, IfExists, Job, JobId, JobState, Jobs};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("jobs.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Serialize, Deserialize)]
struct Text(String);

impl Job for Text {
    const KIND: &'static str = "text";
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_was() {
    let folder = Folder::new("no-database");
    let text = "a letter, not a database\n".repeat(100);
    fs::write(folder.file(), &text).unwrap();
    let refused = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(refused, OpenError::NotADatabase(_)), "{refused:?}");
    assert!(refused.to_string().contains("name another file"));
    assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
}

fn change(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let folder = Folder::new("future");
    drop(SqliteStore::open(folder.file()).unwrap());
    change(
        &folder.file(),
        "INSERT INTO laneway_schema (version) VALUES (99)",
    );
    let refused = SqliteStore::open(folder.file()).unwrap_err();
    assert!(
        matches!(refused, OpenError::FromTheFuture { found: 99, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("update the program"));
}

#[derive(Serialize, Deserialize)]
struct Letter(String);

impl Job for Letter {
    const KIND: &'static str = "letter";
    const OLD_KINDS: &'static [&'static str] = &["text"];
}

/// As a program left it whose schema was the first one, with a unique job that is ready.
#[test]
fn the_first_version_opens_and_keeps_its_keys() {
    let folder = Folder::new("first-version");
    let first = format!(
        "CREATE TABLE laneway_schema (
            version INTEGER PRIMARY KEY,
            applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
        );
        INSERT INTO laneway_schema (version) VALUES (1);
        {}
        INSERT INTO laneway_queue (name) VALUES ('default');
        INSERT INTO laneway_job
            (id, kind, queue, lane, run_at, max_attempts, unique_key, created_at, payload)
        VALUES (zeroblob(16), 'text', 'default', 1, 0, 1, 'k', 0, '\"a\"')",
        MIGRATIONS[0]
    );
    change(&folder.file(), &first);
    let jobs = Jobs::new(SqliteStore::open(folder.file()).unwrap());
    let of_before = Enqueued::Existing(JobId::from_bytes([0; 16]), JobState::Ready);
    block_on(async {
        let text = jobs.enqueue(Text(String::new()));
        assert_eq!(text.unique("k", IfExists::Keep).await, Ok(of_before));
        let letter = jobs.enqueue(Letter(String::new()));
        assert_eq!(letter.unique("k", IfExists::Keep).await, Ok(of_before));
    });
}

#[test]
fn jobs_that_were_moved_say_where_to() {
    let folder = Folder::new("moved");
    drop(SqliteStore::open(folder.file()).unwrap());
    change(
        &folder.file(),
        "UPDATE laneway_meta SET moved_to = 'postgres://db/app'",
    );
    let refused = SqliteStore::open(folder.file()).unwrap_err();
    assert!(
        refused.to_string().contains("postgres://db/app"),
        "{refused}"
    );
}

#[test]
fn a_folder_and_a_missing_folder_are_errors_in_words() {
    let folder = Folder::new("folder");
    for (path, why) in [
        (folder.0.clone(), "it is a folder"),
        (folder.0.join("missing/jobs.db"), "its folder is not there"),
    ] {
        let refused = SqliteStore::open(&path).unwrap_err().to_string();
        let path = path.display().to_string();
        assert!(
            refused.contains(&path) && refused.contains(why),
            "{refused}"
        );
    }
}

/// SQLite would wait at the one, and leave a journal beside the other.
#[cfg(unix)]
#[test]
fn a_path_that_is_no_ordinary_file_is_refused_and_nothing_is_made() {
    use std::os::unix::net::UnixListener;

    let folder = Folder::new("socket");
    let _listener = UnixListener::bind(folder.file()).unwrap();
    let opened = [
        SqliteStore::open(folder.file()).map(drop),
        SqliteOptions::new().visit(folder.file()).map(drop),
        SqliteSource::open(folder.file()).map(drop),
        SqliteTarget::open(folder.file()).map(drop),
        SqliteStore::open("/dev/null").map(drop),
    ];
    for refused in opened {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("no ordinary file"), "{refused}");
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    assert!(!Path::new("/dev/null-journal").exists());
}

#[test]
fn tables_of_another_program_are_named_without_a_page_of_sql() {
    let folder = Folder::new("tables");
    change(&folder.file(), "CREATE TABLE laneway_job (id)");
    let refused = SqliteStore::open(folder.file()).unwrap_err().to_string();
    assert!(refused.contains("laneway_job already exists"), "{refused}");
    assert!(!refused.contains('\n') && refused.len() < 300, "{refused}");
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    let store = SqliteStore::memory().unwrap();
    let jobs = Jobs::new(store.clone());
    let pages = |count: &'static str| {
        block_on(store.transact(move |transaction| {
            transaction.pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))
        }))
        .unwrap();
    };
    let enqueue = || block_on(async { jobs.enqueue(Text("x".repeat(500_000))).await });
    let _ = enqueue().unwrap();
    pages("200");
    assert_eq!(enqueue(), Err(EnqueueError::Store(StoreError::Full)));
    pages("100000");
    let _ = enqueue().unwrap();
    let all = block_on(jobs.search(Default::default())).unwrap().jobs;
    assert_eq!(all.len(), 2);
}

#[test]
fn durability_is_set_and_read_back() {
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let folder = Folder::new(&durability.to_string());
        let options = SqliteOptions::new().durability(durability);
        assert_eq!(
            options.open(folder.file()).unwrap().durability(),
            durability
        );
    }
}

#[test]
fn the_clock_of_a_file_does_not_go_back_with_the_wall_clock() {
    let folder = Folder::new("clock");
    let created = |wall: SystemTime| {
        let store = SqliteOptions::new()
            .wall_clock(wall)
            .open(folder.file())
            .unwrap();
        let jobs = Jobs::new(store);
        block_on(async {
            let id = jobs.enqueue(Text(String::new())).await.unwrap().id();
            jobs.store().look(vec![id]).await.unwrap()[0]
                .clone()
                .unwrap()
                .created_at
        })
    };
    let now = SystemTime::now();
    let first = created(now);
    let second = created(now - std::time::Duration::from_secs(3600));
    assert!(second >= first);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_and_left_as_it_was() {
    let folder = Folder::new("read-only");
    drop(SqliteStore::open(folder.file()).unwrap());
    let before = fs::read(folder.file()).unwrap();
    // A superuser may write what its permissions forbid, and so SQLite is told as well.
    let path = format!("file:{}?mode=ro", folder.file().display());
    let refused = SqliteStore::open(path).unwrap_err();
    assert!(matches!(refused, OpenError::ReadOnly(_)), "{refused:?}");
    assert!(refused.to_string().contains("writable"), "{refused}");
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[test]
fn a_database_that_becomes_read_only_says_so_and_loses_nothing() {
    let folder = Folder::new("becomes-read-only");
    let store = SqliteStore::open(folder.file()).unwrap();
    let jobs = Jobs::new(store.clone());
    let enqueue = |jobs: &Jobs| block_on(async { jobs.enqueue(Text("a".to_owned())).await });
    let _ = enqueue(&jobs).unwrap();
    let only_reads = |transaction: &rusqlite::Transaction<'_>| {
        transaction.pragma_update(None, "query_only", true)
    };
    block_on(store.transact(only_reads)).unwrap();
    let refused = enqueue(&jobs).unwrap_err();
    assert_eq!(refused, EnqueueError::Store(StoreError::ReadOnly));
    assert!(refused.to_string().contains("writable"), "{refused}");
    drop((store, jobs));
    let jobs = Jobs::new(SqliteStore::open(folder.file()).unwrap());
    let _ = enqueue(&jobs).unwrap();
    let all = block_on(jobs.search(Default::default())).unwrap().jobs;
    assert_eq!(all.len(), 2);
}
