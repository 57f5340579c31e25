//! Does a file keep its promises while its process is killed, again and again, at any moment?
//!
//! The test runs itself as the process that is killed: it enqueues jobs, works on them and writes
//! what it does into a ledger, each line by one write. `LANEWAY_JOBS_KILLS` is the number of kills,
//! which some files share: a process sleeps for most of its life.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use laneway::time::{sleep, timeout};
use laneway::{Priority, Runtime, block_on};
use laneway_jobs::sqlite::{Durability, SqliteOptions, SqliteStore};
use laneway_jobs::store::Rescue;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Schedule, Worker};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

const FOLDER: &str = "LANEWAY_JOBS_KILLED_IN";
/// The number of a process: those of the system come again.
const LIFE: &str = "LANEWAY_JOBS_KILLED_LIFE";
const KILLS: &str = "LANEWAY_JOBS_KILLS";
/// Where the variable does not say otherwise.
const USUAL_KILLS: u32 = 100;
/// So many files have their processes killed at the same time.
const FILES: u32 = 2;
/// How long a process works, in microseconds.
const WORKING: std::ops::Range<u64> = 0..60_000;
/// One in so many is killed while it starts.
const STARTING: u32 = 4;
/// States as the file has them.
const DONE: i64 = 2;
const QUARANTINED: i64 = 5;
const WORKS: &str = "it works";
/// How long the last process has, which is not killed.
const LAST: Duration = Duration::from_secs(60);
/// Each completion leaves a row, whichever statement makes it.
const COUNT_COMPLETIONS: &str = "
CREATE TABLE completion (id BLOB NOT NULL);
CREATE TRIGGER completed AFTER UPDATE OF state ON laneway_job
WHEN NEW.state = 2 AND OLD.state <> 2
BEGIN INSERT INTO completion (id) VALUES (NEW.id); END;";

#[derive(Serialize, Deserialize)]
struct Numbered(u64);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

#[derive(Serialize, Deserialize)]
struct Tick(SystemTime);

impl Job for Tick {
    const KIND: &'static str = "tick";
}

struct Folder(PathBuf);

impl Folder {
    fn new(file: u32) -> Folder {
        let name = format!("laneway-jobs-killed-{}-{file}", std::process::id());
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

fn database(folder: &Path) -> PathBuf {
    folder.join("jobs.db")
}

fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger")
}

/// What the processes write down.
#[derive(Debug)]
struct Ledger(File);

impl Ledger {
    fn open(folder: &Path) -> Ledger {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(ledger(folder));
        Ledger(file.unwrap())
    }

    /// One write, so that a kill leaves a whole line or none.
    fn line(&self, line: &str) {
        (&self.0).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// What a killed process has written is with the system: whether it is on the disk, only the loss
/// of the machine's power would tell.
fn store(folder: &Path) -> SqliteStore {
    let options = SqliteOptions::new().durability(Durability::Normal);
    options.open(database(folder)).unwrap()
}

fn worker(jobs: &Jobs, ledger: &Arc<Ledger>, life: u32) -> Worker {
    let ledger = ledger.clone();
    let numbered = move |Numbered(number): Numbered, _: Ctx| {
        let ledger = ledger.clone();
        async move {
            ledger.line(&format!("ran {number} in {life}"));
            sleep(Duration::from_micros(number % 7 * 300)).await;
            Ok::<_, JobError>(())
        }
    };
    let tick = |_: Tick, _: Ctx| async { Ok::<_, JobError>(()) };
    let every = Schedule::every("tick", Duration::from_secs(1));
    Worker::new(jobs)
        .queue("default", Limit::in_flight(16))
        .prune(None)
        .handle(numbered)
        .handle(tick)
        .schedule(every.job(Tick).unwrap())
}

/// The process that is killed: it works, and enqueues further jobs for ever.
fn live(folder: &Path, life: u32) {
    let ledger = Arc::new(Ledger::open(folder));
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(store(folder));
    let _worker = worker(&jobs, &ledger, life).start(&rt).unwrap();
    println!("\n{WORKS}");
    let first = u64::from(life) << 32;
    let enqueue = async move {
        for number in first.. {
            if jobs.enqueue(Numbered(number)).await.is_ok() {
                ledger.line(&format!("acknowledged {number}"));
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    rt.block_on(rt.spawn(enqueue, Priority::High));
}

fn spawn(folder: &Path, life: u32) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "a_file_outlives_its_processes", "--nocapture"])
        .env(FOLDER, folder)
        .env(LIFE, life.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_until_it_works(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let works = lines.any(|line| line.unwrap() == WORKS);
    assert!(works, "it ended by itself");
}

fn kill_again_and_again(folder: &Path, kills: u32, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for life in 0..kills {
        let mut child = spawn(folder, life);
        if life % STARTING > 0 {
            wait_until_it_works(&mut child);
        }
        block_on(sleep(Duration::from_micros(rng.u64(WORKING))));
        let early = child.try_wait().unwrap();
        assert_eq!(early, None, "it ends by a kill alone");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Lets the last process finish what is there.
fn finish(folder: &Path) {
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(store(folder));
    let ledger = Arc::new(Ledger::open(folder));
    let worker = worker(&jobs, &ledger, u32::MAX).start(&rt).unwrap();
    let connection = Connection::open(database(folder)).unwrap();
    let unsettled = "SELECT count(*) FROM laneway_job WHERE state < 2 AND kind = 'numbered'";
    let settled = async {
        while count(&connection, unsettled) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        worker.shutdown(LAST).await
    };
    let report = block_on(timeout(LAST, settled)).expect("the last process settles all");
    assert!(report.is_clean(), "{report:?}");
}

fn count(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

/// What the ledger tells.
#[derive(Debug, Default)]
struct Told {
    acknowledged: BTreeSet<u64>,
    /// The lives in which each job ran.
    runs: BTreeMap<u64, Vec<u32>>,
}

impl Told {
    fn by(ledger: &str) -> Told {
        let mut told = Told::default();
        for line in ledger.lines() {
            match *line.split(' ').collect::<Vec<_>>() {
                ["acknowledged", number] => {
                    told.acknowledged.insert(number.parse().unwrap());
                }
                ["ran", number, "in", life] => {
                    let runs = told.runs.entry(number.parse().unwrap());
                    runs.or_default().push(life.parse().unwrap());
                }
                _ => panic!("half a line: {line:?}"),
            }
        }
        told
    }

    /// In how many lives a job ran. A life runs a job once at most, so that each further run is
    /// owed to a kill.
    fn lives(&self, number: u64) -> usize {
        let runs = self.runs.get(&number).map_or(&[][..], |runs| runs);
        let lives: BTreeSet<_> = runs.iter().collect();
        assert_eq!(
            lives.len(),
            runs.len(),
            "{number} ran twice in a life: {runs:?}"
        );
        lives.len()
    }
}

/// Every acknowledged job is there, and done unless three kills hit it while it was claimed; each
/// was completed once.
fn check_jobs(connection: &Connection, told: &Told) {
    let mut there = BTreeSet::new();
    let query = "SELECT payload, state, crashes FROM laneway_job WHERE kind = 'numbered'";
    let mut rows = connection.prepare(query).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    for row in rows.unwrap() {
        let (payload, state, crashes): (Vec<u8>, i64, u32) = row.unwrap();
        let Numbered(number) = serde_json::from_slice(&payload).unwrap();
        let lives = told.lives(number);
        assert!(there.insert(number), "{number} is there twice");
        let expected = match crashes >= Rescue::default().max_crashes {
            true => QUARANTINED,
            false => DONE,
        };
        assert_eq!(state, expected, "{number} with {crashes} crashes");
        assert!(
            lives <= crashes as usize + 1,
            "{number} ran {lives} times, {crashes} crashes"
        );
    }
    let lost: Vec<_> = told.acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let twice = "SELECT count(*) FROM (SELECT id FROM completion GROUP BY id HAVING count(*) > 1)";
    assert_eq!(count(connection, twice), 0, "completed twice");
    let never = "SELECT count(*) FROM laneway_job WHERE state = 2
        AND id NOT IN (SELECT id FROM completion)";
    assert_eq!(count(connection, never), 0, "done and never completed");
}

#[test]
fn a_file_outlives_its_processes() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let life = std::env::var(LIFE).unwrap();
        return live(Path::new(&folder), life.parse().unwrap());
    }
    let kills = std::env::var(KILLS).map_or(USUAL_KILLS, |kills| {
        kills
            .parse()
            .expect("LANEWAY_JOBS_KILLS is a number of kills")
    });
    std::thread::scope(|scope| {
        for file in 0..FILES {
            let share = kills / FILES + u32::from(file < kills % FILES);
            scope.spawn(move || one_file(file, share));
        }
    });
}

fn one_file(file: u32, kills: u32) {
    let folder = Folder::new(file);
    drop(store(&folder.0));
    let connection = Connection::open(database(&folder.0)).unwrap();
    connection.execute_batch(COUNT_COMPLETIONS).unwrap();
    drop(connection);

    kill_again_and_again(&folder.0, kills, u64::from(file));
    finish(&folder.0);

    let told = Told::by(&std::fs::read_to_string(ledger(&folder.0)).unwrap());
    let jobs = told.acknowledged.len();
    let runs: usize = told.runs.values().map(Vec::len).sum();
    println!("{kills} kills, {jobs} jobs, {runs} runs");
    assert!(jobs >= kills as usize / 4, "they hardly lived");
    let connection = Connection::open(database(&folder.0)).unwrap();
    check_jobs(&connection, &told);
    let twice = "SELECT count(*) FROM (SELECT payload FROM laneway_job WHERE kind = 'tick'
        GROUP BY payload HAVING count(*) > 1)";
    assert_eq!(count(&connection, twice), 0, "an instant fired twice");
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}
