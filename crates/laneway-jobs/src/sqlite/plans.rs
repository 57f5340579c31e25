//! Does what people look through read so many rows only, however many jobs there are?

use rusqlite::Connection;

use super::reading::count;
use super::schema::migrate;
use super::searching::Way;
use super::{activity, viewing};
use crate::job_state::JobState;

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

/// What SQLite would do for a statement.
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
        .chain(JobState::ALL.map(count));
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
