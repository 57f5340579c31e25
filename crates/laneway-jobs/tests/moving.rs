//! Does a move bring everything over, once, also where it was cut off after any of its steps?

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use laneway::block_on;
use laneway::time::sleep;
use laneway_jobs::sqlite::{OpenError, SqliteSource, SqliteStore, SqliteTarget};
use laneway_jobs::store::{
    Begun, ByHand, JobSearch, NewSchedule, PartRow, ScheduleChange, ScheduleStore, Store,
    StoreError, StoreFuture, StorePart, TransferCounters, TransferEnd, TransferError, TransferPage,
    TransferStep, TransferTarget, Transferred, ViewStore, transfer,
};
use laneway_jobs::{IfExists, Job, JobState, Jobs};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-{}-moving-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn old(&self) -> PathBuf {
        self.0.join("old.db")
    }

    fn new_file(&self) -> PathBuf {
        self.0.join("new.db")
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
    const OLD_KINDS: &'static [&'static str] = &["Text"];
}

/// More than one transaction moves.
const JOBS: usize = 563;

/// Rows in every part: what the store's own operations do not make is written beside them.
fn fill(folder: &Folder) {
    let store = SqliteStore::open(folder.old()).unwrap();
    let jobs = Jobs::new(store.clone());
    block_on(async {
        let texts = (0..JOBS - 3).map(|n| jobs.enqueue(Text(n.to_string())));
        jobs.enqueue_all(texts).await.unwrap();
        let links = ["a", "b"].map(|name| jobs.enqueue(Text(name.into())));
        jobs.enqueue_chain(links).await.unwrap();
        let one = jobs.enqueue(Text("one".into()));
        let _ = one.unique("one", IfExists::Keep).await.unwrap();
        let schedule = NewSchedule {
            name: "nightly".into(),
            pattern: "0 3 * * *".into(),
            zone: "UTC".into(),
            kind: "text".into(),
            next: None,
        };
        let keep = ScheduleChange::Keep(schedule);
        store.change_schedules(vec![keep]).await.unwrap();
        let pause = ByHand::Pause("later".into());
        store.change(vec![pause]).await.unwrap();
    });
    drop((jobs, store));
    closed(&folder.old());
    let connection = Connection::open(folder.old()).unwrap();
    connection
        .execute_batch(
            "UPDATE laneway_job SET state = seq % 6, progress = 0.25, result = x'01',
                 fence = 7, lease_until = 9, finished_at = 8, error = 'ä'
                 WHERE awaited_by IS NULL AND unique_key IS NULL;
             INSERT INTO laneway_attempt SELECT id, 7, 1, 'w', NULL, 5, 'e' FROM laneway_job;
             INSERT INTO laneway_step SELECT id, 'charge', x'31' FROM laneway_job LIMIT 40;
             INSERT INTO laneway_fire (schedule, at, fired_at) VALUES ('nightly', 1, 2);
             UPDATE laneway_meta SET fence = 70;",
        )
        .unwrap();
}

/// Waits until no store has the file open: the last one's connection is closed by the thread that
/// ran its last command. Then all is in the file itself.
fn closed(file: &PathBuf) {
    let begun = Instant::now();
    while let Err(error) = SqliteSource::open(file) {
        assert!(matches!(error, OpenError::InUse(_)), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        block_on(sleep(Duration::from_millis(2)));
    }
}

/// All that is in a file, apart from what belongs to the file alone.
fn all_of(file: &PathBuf) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    let mut all = vec![counters(&connection)];
    for part in StorePart::ALL {
        let columns = part.columns().map_quoted();
        let text = format!("SELECT {columns} FROM {} ORDER BY 1, 2", part.table());
        let mut prepared = connection.prepare(&text).unwrap();
        let mut rows = prepared.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let fields = 0..part.columns().len();
            let fields = fields.map(|place| format!("{:?}", row.get_ref(place).unwrap()));
            all.push(format!("{part:?} {}", fields.collect::<Vec<_>>().join(" ")));
        }
    }
    all
}

trait MapQuoted {
    fn map_quoted(&self) -> String;
}

impl MapQuoted for [&str] {
    fn map_quoted(&self) -> String {
        let quoted: Vec<String> = self.iter().map(|name| format!("\"{name}\"")).collect();
        quoted.join(", ")
    }
}

fn counters(connection: &Connection) -> String {
    let text = "SELECT fence FROM laneway_meta";
    let fence: i64 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    format!("fence {fence}")
}

fn move_over(folder: &Folder) -> Result<Transferred, TransferError> {
    let source = SqliteSource::open(folder.old()).unwrap();
    let target = SqliteTarget::open(folder.new_file()).unwrap();
    block_on(transfer(&source, &target, |_| {}))
}

#[test]
fn every_column_but_the_files_own_is_moved() {
    let folder = Folder::new("columns");
    drop(SqliteStore::open(folder.old()).unwrap());
    let connection = Connection::open(folder.old()).unwrap();
    for part in StorePart::ALL {
        let text = format!("SELECT name FROM pragma_table_info('{}')", part.table());
        let mut prepared = connection.prepare(&text).unwrap();
        let names = prepared.query_map([], |row| row.get::<_, String>(0));
        for name in names.unwrap().map(Result::unwrap) {
            let moves = part.columns().contains(&name.as_str());
            assert!(moves || name == "instance", "{name} of {part:?}");
        }
    }
    let text = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    let tables: u32 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    // The other two are of the file itself.
    assert_eq!(tables as usize, StorePart::ALL.len() + 2);
}

#[test]
fn everything_is_there_afterwards_and_the_old_file_says_where() {
    let folder = Folder::new("everything");
    fill(&folder);
    let before = all_of(&folder.old());
    assert!(before.len() > JOBS);
    assert_eq!(move_over(&folder), Ok(Transferred::Now));
    assert_eq!(all_of(&folder.new_file()), before);
    let refused = SqliteStore::open(folder.old()).unwrap_err();
    assert!(matches!(&refused, OpenError::Moved { to, .. } if to.ends_with("new.db")));
    assert_eq!(move_over(&folder), Ok(Transferred::Before));
    let store = SqliteStore::open(folder.new_file()).unwrap();
    let quarantined = JobSearch {
        state: Some(JobState::Quarantined),
        limit: JOBS,
        ..JobSearch::default()
    };
    let page = block_on(Jobs::new(store).search(quarantined)).unwrap();
    assert_eq!(page.jobs.len(), (JOBS - 3) / 6);
}

/// A target whose process ends at its so many-th operation: before it, or with its answer lost.
#[derive(Debug)]
struct Dying<'t> {
    target: &'t SqliteTarget,
    operations: AtomicU32,
    dies_at: u32,
    moment: Moment,
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    Before,
    After,
}

impl Dying<'_> {
    fn around<'s, T: 's>(&self, done: StoreFuture<'s, T>) -> StoreFuture<'s, T> {
        let dies = self.operations.fetch_add(1, Relaxed) == self.dies_at;
        let moment = self.moment;
        Box::pin(async move {
            match (dies, moment) {
                (false, _) => done.await,
                (true, Moment::Before) => Err(StoreError::OutcomeUnknown),
                (true, Moment::After) => done.await.and(Err(StoreError::OutcomeUnknown)),
            }
        })
    }
}

impl TransferEnd for Dying<'_> {
    fn name(&self) -> &str {
        self.target.end().name()
    }

    fn export(&self, page: TransferPage) -> StoreFuture<'_, Vec<PartRow>> {
        self.around(self.target.end().export(page))
    }

    fn counters(&self) -> StoreFuture<'_, TransferCounters> {
        self.around(self.target.end().counters())
    }
}

impl TransferTarget for Dying<'_> {
    fn end(&self) -> &dyn TransferEnd {
        self
    }

    fn filled_from(&self) -> StoreFuture<'_, Option<String>> {
        self.around(self.target.filled_from())
    }

    fn begin(&self, from: String) -> StoreFuture<'_, Begun> {
        self.around(self.target.begin(from))
    }

    fn import(&self, part: StorePart, rows: Vec<PartRow>) -> StoreFuture<'_, ()> {
        self.around(self.target.import(part, rows))
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        self.around(self.target.clear())
    }

    fn count_from(&self, counters: TransferCounters) -> StoreFuture<'_, ()> {
        self.around(self.target.count_from(counters))
    }

    fn release(&self) -> StoreFuture<'_, ()> {
        self.around(self.target.release())
    }
}

/// Whether the move came to its end all the same.
fn cut_off(folder: &Folder, dies_at: u32, moment: Moment) -> bool {
    let source = SqliteSource::open(folder.old()).unwrap();
    let target = SqliteTarget::open(folder.new_file()).unwrap();
    let dying = Dying {
        target: &target,
        operations: AtomicU32::new(0),
        dies_at,
        moment,
    };
    block_on(transfer(&source, &dying, |_| {})).is_ok()
}

/// Of two files at most one can be opened.
fn assert_one_opens_at_most(folder: &Folder) {
    let old = SqliteStore::open(folder.old());
    let new = SqliteStore::open(folder.new_file());
    let has_begun = match &new {
        Ok(store) => {
            let pages = block_on(store.search(vec![JobSearch::default()]));
            !pages.unwrap()[0].jobs.is_empty()
        }
        Err(OpenError::Filling { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    assert!(!(old.is_ok() && has_begun), "both are open");
    let was_open = new.is_ok();
    drop((old, new));
    if was_open {
        closed(&folder.new_file());
    }
}

#[test]
fn a_move_that_was_cut_off_before_any_step_goes_on() {
    assert_goes_on_from_any_step(Moment::Before);
}

#[test]
fn a_move_that_was_cut_off_after_any_step_goes_on() {
    assert_goes_on_from_any_step(Moment::After);
}

fn assert_goes_on_from_any_step(moment: Moment) {
    let model = Folder::new(&format!("model-{moment:?}"));
    fill(&model);
    let before = all_of(&model.old());
    for dies_at in 0.. {
        let folder = Folder::new(&format!("cut-off-{moment:?}"));
        fs::copy(model.old(), folder.old()).unwrap();
        if cut_off(&folder, dies_at, moment) {
            assert!(dies_at > 20, "it has as many operations: {dies_at}");
            break;
        }
        assert_one_opens_at_most(&folder);
        assert!(move_over(&folder).is_ok(), "{moment:?} {dies_at}");
        assert_eq!(all_of(&folder.new_file()), before, "{moment:?} {dies_at}");
        assert!(SqliteStore::open(folder.old()).is_err());
    }
}

#[test]
fn a_source_that_changed_between_two_runs_is_copied_anew() {
    let folder = Folder::new("changed");
    fill(&folder);
    assert!(!cut_off(&folder, 12, Moment::After));
    let connection = Connection::open(folder.old()).unwrap();
    let change = "DELETE FROM laneway_job WHERE seq = 2; UPDATE laneway_job SET crashes = 2;";
    connection.execute_batch(change).unwrap();
    drop(connection);
    let before = all_of(&folder.old());
    let (source, target) = (
        SqliteSource::open(folder.old()).unwrap(),
        SqliteTarget::open(folder.new_file()).unwrap(),
    );
    let mut steps = Vec::new();
    block_on(transfer(&source, &target, |step| steps.push(step))).unwrap();
    drop((source, target));
    assert!(steps.contains(&TransferStep::Anew));
    assert_eq!(all_of(&folder.new_file()), before);
}

#[test]
fn a_file_that_is_in_use_is_not_moved() {
    let folder = Folder::new("in-use");
    fill(&folder);
    let owner = SqliteStore::open(folder.old()).unwrap();
    let guest = SqliteStore::open(folder.old()).unwrap();
    let refused = SqliteSource::open(folder.old()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused:?}");
    drop(owner);
    // The one that is left has no lock of its own.
    let refused = SqliteSource::open(folder.old()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused:?}");
    drop(guest);
    assert_eq!(move_over(&folder), Ok(Transferred::Now));
}

#[test]
fn no_other_opens_the_files_during_a_move() {
    let folder = Folder::new("alone");
    fill(&folder);
    let source = SqliteSource::open(folder.old()).unwrap();
    let refused = SqliteSource::open(folder.old()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused:?}");
    let refused = SqliteTarget::open(folder.old()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused:?}");
    drop(source);
}

#[test]
fn a_target_with_jobs_is_left_as_it_was() {
    let folder = Folder::new("not-empty");
    fill(&folder);
    let store = SqliteStore::open(folder.new_file()).unwrap();
    let pause = ByHand::Pause("mine".into());
    block_on(store.change(vec![pause])).unwrap();
    drop(store);
    closed(&folder.new_file());
    let refused = move_over(&folder).unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty(_)), "{refused:?}");
    assert!(SqliteStore::open(folder.new_file()).is_ok());
    assert!(SqliteStore::open(folder.old()).is_ok());
}

#[test]
fn a_target_of_another_move_is_refused() {
    let folder = Folder::new("other-move");
    fill(&folder);
    assert!(!cut_off(&folder, 9, Moment::After));
    let source = SqliteStore::open(folder.0.join("another.db"));
    drop(source.unwrap());
    let source = SqliteSource::open(folder.0.join("another.db")).unwrap();
    let target = SqliteTarget::open(folder.new_file()).unwrap();
    let refused = block_on(transfer(&source, &target, |_| {})).unwrap_err();
    assert!(
        matches!(refused, TransferError::OtherMove(_)),
        "{refused:?}"
    );
}

#[test]
fn jobs_that_were_moved_are_not_moved_again() {
    let folder = Folder::new("again");
    fill(&folder);
    assert_eq!(move_over(&folder), Ok(Transferred::Now));
    let source = SqliteSource::open(folder.old()).unwrap();
    let third = SqliteTarget::open(folder.0.join("third.db")).unwrap();
    let refused = block_on(transfer(&source, &third, |_| {})).unwrap_err();
    assert!(matches!(refused, TransferError::MovedElsewhere(_)));
    drop((source, third));
    fs::remove_file(folder.new_file()).unwrap();
    let refused = move_over(&folder).unwrap_err();
    assert!(
        matches!(refused, TransferError::TargetLost(_)),
        "{refused:?}"
    );
}

#[test]
fn workers_of_a_moved_file_find_its_jobs() {
    let folder = Folder::new("worker");
    let jobs = Jobs::new(SqliteStore::open(folder.old()).unwrap());
    let id = block_on(async { jobs.enqueue(Text("x".into())).await.unwrap().id() });
    drop(jobs);
    closed(&folder.old());
    assert_eq!(move_over(&folder), Ok(Transferred::Now));
    let jobs = Jobs::new(SqliteStore::open(folder.new_file()).unwrap());
    let rt = laneway::Runtime::builder().build().unwrap();
    let handler = |text: Text, _| async { Ok::<_, laneway_jobs::JobError>(text.0) };
    let worker = laneway_jobs::Worker::new(&jobs)
        .queue("default", laneway_jobs::Limit::in_flight(1))
        .handle(handler)
        .start(&rt)
        .unwrap();
    let result: String = rt.block_on(jobs.wait(id)).unwrap();
    assert_eq!(result, "x");
    let report = rt.block_on(worker.shutdown(Duration::from_secs(5)));
    assert!(report.is_clean());
}
