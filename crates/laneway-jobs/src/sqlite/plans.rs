//! Do transitions, and what people look through, read a few rows only, however many jobs there
//! are?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rusqlite::{Connection, StatementStatus, ToSql};

use super::open::set_up;
use super::probe::NoProbe;
use super::reading::{LOOK, counting};
use super::schema::migrate;
use super::searching::Way;
use super::statement::Statement;
use super::tx::Tx;
use super::{activity, viewing};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{Bounds, Claim, ClaimId, ClaimOrder, KeyRound, Whom};

/// The statements that workers and callers run all the time or once a second.
const HOT: [Statement; 32] = [
    Statement::Insert,
    Statement::KnowQueue,
    Statement::FindId,
    Statement::FindUnique,
    Statement::FindSuccessor,
    Statement::Replace,
    Statement::Claim,
    Statement::OthersFirst,
    Statement::ClaimSuspect,
    Statement::Claimed,
    Statement::ClaimKeyed,
    Statement::DueSuspect,
    Statement::DueKeyed,
    Statement::Begun,
    Statement::KeepBegun,
    Statement::Next,
    Statement::CompleteLone,
    Statement::Complete,
    Statement::KeepAttempt,
    Statement::Settle,
    Statement::SettledBefore,
    Statement::ReleaseSuccessor,
    Statement::CountMember,
    Statement::LetGo,
    Statement::Renew,
    Statement::KeepProgress,
    Statement::KeepStep,
    Statement::Holds,
    Statement::KeepLostAttempts,
    Statement::Rescue,
    Statement::Expire,
    Statement::Prune,
];

const FIXED: [&str; 10] = [
    viewing::QUEUES,
    viewing::STORY,
    viewing::ATTEMPTS,
    viewing::FAILED,
    viewing::LEASES,
    activity::DONE,
    activity::FAILED,
    activity::WAITS,
    activity::IS_BUSY,
    activity::ERRORS,
];

/// The plan of SQLite for a statement.
fn plan(connection: &Connection, text: &str) -> Vec<String> {
    let text = format!("EXPLAIN QUERY PLAN {text}");
    let mut prepared = connection.prepare(&text).unwrap();
    let mut rows = prepared.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

/// Reads all rows of a table that grows, other than those that run: they are as many as workers
/// have in flight.
fn reads_all(step: &str) -> bool {
    let of_jobs = step.starts_with("SCAN laneway_job") || step.starts_with("SCAN laneway_attempt");
    of_jobs && !step.contains("laneway_job_running") && !step.contains("laneway_attempt_ended")
}

/// The rows of a small table, or of a list that the caller brings, are read as a whole.
fn reads_few(step: &str) -> bool {
    let small = [
        "SCAN json_each",
        "SCAN known",
        "SCAN laneway_meta",
        "SCAN (subquery",
    ];
    !step.starts_with("SCAN") || small.iter().any(|small| step.starts_with(small))
}

fn sorts(step: &str) -> bool {
    step.contains("TEMP B-TREE")
}

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    set_up(&connection).unwrap();
    migrate(&connection).unwrap();
    connection
}

const JOBS_OF_A_STATE: u32 = 10_000;

/// Jobs that are done, ready, scheduled for later and failed, and a few that run; then SQLite has
/// counted them, as `ANALYZE` does.
fn filled() -> Connection {
    let connection = connection();
    let fill = "
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
        INSERT INTO laneway_job (id, kind, queue, lane, state, run_at, attempt, max_attempts, fence,
            lease_until, created_at, finished_at, payload)
        SELECT CAST(?2 || '-' || n AS BLOB), 'kind', 'default', n % 2, ?2, n, 0, 20,
            iif(?2 > 0, n, NULL), iif(?2 = 1, n, NULL), n, iif(?2 > 1, n, NULL), 'null'
        FROM number";
    for (jobs, state) in [
        (JOBS_OF_A_STATE, JobState::Ready),
        (JOBS_OF_A_STATE, JobState::Done),
        (JOBS_OF_A_STATE, JobState::Failed),
        (64, JobState::Running),
    ] {
        connection.execute(fill, (jobs, state.number())).unwrap();
    }
    let scheduled = "
        INSERT INTO laneway_job (id, kind, queue, lane, run_at, max_attempts, created_at, payload)
        SELECT CAST('later-' || seq AS BLOB), kind, queue, lane, run_at + 1000000000, max_attempts,
            created_at, payload
        FROM laneway_job WHERE state = 0";
    connection.execute(scheduled, []).unwrap();
    connection.execute_batch("ANALYZE").unwrap();
    connection
}

#[test]
fn no_transition_reads_all_jobs_or_sorts_them() {
    for connection in [connection(), filled()] {
        let texts = HOT.map(Statement::text).into_iter().chain([LOOK]);
        for text in texts {
            let steps = plan(&connection, text);
            let bad = |step: &String| !reads_few(step) || sorts(step);
            assert!(!steps.iter().any(bad), "{text}\n{steps:#?}");
        }
    }
}

/// Of each key it reads what an index has of it, and sorts that alone.
#[test]
fn a_claim_for_jobs_with_keys_reads_no_key_as_a_whole() {
    for statement in [
        Statement::ChooseKeyed,
        Statement::ClaimKeyedSuspect,
        Statement::DueKeyed,
    ] {
        let steps = plan(&filled(), statement.text());
        let bad = |step: &str| reads_all(step) || step.contains("laneway_job_running");
        let bad = |step: &str| bad(step) || step.contains("limit_key=? AND state<?");
        assert!(!steps.iter().any(|step| bad(step)), "{steps:#?}");
        let of_key = |step: &&String| step.contains("laneway_job_key (queue=? AND limit_key=?");
        assert!(steps.iter().any(|step| of_key(&step)), "{steps:#?}");
    }
}

/// The steps of SQLite's machine for a choice beside a number of jobs of one key, which is full.
fn steps_beside(ready: u32) -> i32 {
    let connection = connection();
    let fill = "
        WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
        INSERT INTO laneway_job (id, kind, queue, lane, state, held, run_at, max_attempts,
            created_at, payload, limit_key)
        SELECT CAST(n AS BLOB), 'kind', 'default', 1, n = 0, 3, n, 20, n, 'null', 'full'
        FROM number";
    connection.execute(fill, [ready]).unwrap();
    let mut choice = connection.prepare(Statement::ChooseKeyed.text()).unwrap();
    let values: &[(&str, &dyn ToSql)] = &[
        (":queue", &"default"),
        (":kinds", &"[\"kind\"]"),
        (":t", &i64::MAX),
        (":first", &0),
        (":limit", &9),
        (":of_first", &9),
        (":per_key", &1),
        (":after", &""),
        (":keys", &9),
    ];
    let job: Option<i64> = choice.query_row(values, |row| row.get(0)).unwrap();
    assert_eq!(job, None, "the key is full");
    choice.get_status(StatementStatus::VmStep)
}

#[test]
fn a_full_key_costs_the_same_however_many_jobs_it_has() {
    assert_eq!(steps_beside(10), steps_beside(10_000));
}

/// A claim of one kind's jobs in a lane, and how many of SQLite's steps it takes, beside so many
/// jobs of another kind that have been ready for longer.
fn claimed_behind(others: u32, held: u8) -> (usize, u64) {
    let mut connection = connection();
    let fill = "
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
        INSERT INTO laneway_job (id, kind, queue, lane, run_at, max_attempts, created_at, payload,
            held, limit_key)
        SELECT CAST(printf('other %010d', n) AS BLOB), 'other', 'default', n % 2, n, 20, n, x'31',
            ?2, iif(?2 = 3, 'key', NULL)
        FROM number
        UNION ALL
        SELECT CAST(printf('known %010d', n) AS BLOB), 'known', 'default', n % 2, 1000000 + n, 20,
            n, x'31', 0, NULL
        FROM number WHERE n <= 5";
    connection.execute(fill, (others, held)).unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = steps.clone();
    let count = move || {
        counted.fetch_add(1, Relaxed);
        false
    };
    connection.progress_handler(1, Some(count)).unwrap();
    let tx = Tx::new(&connection, 1 << 40, "instance", &NoProbe);
    let claimed = tx.claim(&claim_of(&["known", "further"])).unwrap();
    (claimed.jobs.len(), steps.load(Relaxed))
}

fn claim_of(kinds: &[&str]) -> Claim {
    Claim {
        id: ClaimId::new(JobId::from_bytes([0; 16])),
        queue: "default".to_owned(),
        kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
        limit: 4,
        order: ClaimOrder::LowFirst,
        whom: Whom::Innocents,
        lease: Duration::from_secs(30),
        worker: "worker".to_owned(),
        bounds: Bounds::default(),
        round: KeyRound::default(),
    }
}

#[test]
fn a_claim_costs_the_same_however_many_jobs_of_other_kinds_come_first() {
    for held in [0, 3] {
        let (few, of_few) = claimed_behind(10, held);
        let (many, of_many) = claimed_behind(10_000, held);
        assert_eq!((few, many), (4, 4));
        assert!(
            of_many.abs_diff(of_few) < 20,
            "{of_few} steps beside few, {of_many} beside many"
        );
    }
}

#[test]
fn no_view_reads_all_jobs() {
    let connection = Connection::open_in_memory().unwrap();
    migrate(&connection).unwrap();
    let failed = Way::NotDone(JobState::Failed);
    let ways = [Way::Members, failed, Way::Running, Way::Ids];
    let texts = FIXED
        .into_iter()
        .map(str::to_owned)
        .chain(
            ways.into_iter()
                .flat_map(|way| [way.floor(), way.matching()]),
        )
        .chain(JobState::ALL.map(counting));
    for text in texts {
        let steps = plan(&connection, &text);
        assert!(
            !steps.iter().any(|step| reads_all(step)),
            "{text}\n{steps:#?}"
        );
    }
    // That it can be seen at all.
    let all = plan(
        &connection,
        "SELECT count(*) FROM laneway_job WHERE state = 0",
    );
    assert!(all.iter().any(|step| reads_all(step)), "{all:?}");
}

/// Rows that are done stay for a day. Where nothing is old enough, nothing is read.
#[test]
fn old_rows_are_found_by_their_time() {
    let steps = plan(&connection(), Statement::Prune.text());
    let by_time = "(queue=? AND state=? AND finished_at";
    assert!(steps.iter().any(|step| step.contains(by_time)), "{steps:?}");
}
