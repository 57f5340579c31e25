//! Does a row that another program has written hold up the others?

mod folder;

use std::path::Path;
use std::time::Duration;

use folder::Folder;
use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::dashboard::{Dashboard, PageRequest};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{JobSearch, Pruning};
use laneway_jobs::{Job, JobError, JobId, JobState, Jobs, Limit, Worker, WorkerHandle};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Text(String);

impl Job for Text {
    const KIND: &'static str = "text";
}

const LONG: Duration = Duration::from_secs(20);

/// Changes a column of one job by SQL, as another program would.
fn set(path: &Path, job: JobId, column: &str, value: &str) {
    let connection = Connection::open(path).unwrap();
    let text = format!("UPDATE laneway_job SET {column} = {value} WHERE id = ?1");
    assert_eq!(connection.execute(&text, [job.to_bytes()]), Ok(1));
}

fn start(jobs: &Jobs, rt: &Runtime) -> WorkerHandle {
    Worker::new(jobs)
        .queue("default", Limit::in_flight(4))
        .handle(|Text(text): Text, _| async move { Ok::<_, JobError>(text) })
        .start(rt)
        .unwrap()
}

/// The state of the job whose column has this value, when another job of the queue is done and
/// people have looked at both.
fn state_with(column: &str, value: &str) -> JobState {
    let name = value.replace(|letter: char| !letter.is_alphanumeric(), "-");
    let folder = Folder::new(&format!("{column}-{name}"));
    let path = folder.file("jobs.db");
    let jobs = Jobs::new(SqliteStore::open(&path).unwrap());
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let odd = jobs.enqueue(Text("odd".into())).await.unwrap().id();
        set(&path, odd, column, value);
        let even = jobs.enqueue(Text("even".into())).await.unwrap().id();
        let worker = start(&jobs, &rt);
        let done = timeout(LONG, jobs.wait::<String>(even)).await;
        assert_eq!(done, Ok(Ok("even".to_owned())), "{column} = {value}");
        let report = worker.shutdown(LONG).await;
        assert!(report.is_clean(), "{column} = {value}: {report}");
        look_at_all(&jobs, column).await;
        let found = jobs.find(odd).await.unwrap();
        found.expect("it is there").state
    })
}

async fn look_at_all(jobs: &Jobs, column: &str) {
    let page = jobs.search(JobSearch::default()).await.unwrap();
    assert_eq!(page.jobs.len(), 2, "{column}");
    jobs.store().prune(Pruning::default()).await.unwrap();
    let dashboard = Dashboard::new(jobs);
    for page in ["/", "/jobs", "/errors", "/workers", "/metrics"] {
        let request = PageRequest::new("GET", page).header("host", b"localhost");
        let page = dashboard.page(request.peer([127, 0, 0, 1].into())).await;
        assert_eq!(page.status, 200, "{column}: {page:?}");
    }
}

#[test]
fn a_job_of_a_value_that_can_be_read_is_done() {
    for (column, value) in [
        ("payload", "'\"of a text\"'"),
        ("error", "CAST(x'ff' AS TEXT)"),
        ("unique_key", "CAST(x'ff' AS TEXT)"),
        ("unique_key", "x'00ff'"),
        ("progress_text", "7.5"),
        ("worker", "7"),
        ("attempt", "-5"),
        ("attempt", "9223372036854775807"),
        ("max_attempts", "9223372036854775807"),
        ("parent", "x'01'"),
        ("run_at", "-9223372036854775808"),
    ] {
        assert_eq!(state_with(column, value), JobState::Done, "{column}");
    }
}

#[test]
fn a_job_of_another_value_fails_or_waits_and_no_other_job_does() {
    for (column, value, state) in [
        ("payload", "7", JobState::Ready),
        ("payload", "x'ff'", JobState::Ready),
        ("payload", "zeroblob(0)", JobState::Ready),
        ("crashes", "-1", JobState::Ready),
        ("state", "9", JobState::Quarantined),
        ("lane", "7", JobState::Ready),
        ("kind", "CAST(x'ff' AS TEXT)", JobState::Ready),
        ("run_at", "9223372036854775807", JobState::Ready),
    ] {
        assert_eq!(state_with(column, value), state, "{column} = {value}");
    }
}

/// No worker can settle it.
#[test]
fn a_row_whose_id_is_none_holds_up_no_other_job() {
    let folder = Folder::new("no-id");
    let path = folder.file("jobs.db");
    let jobs = Jobs::new(SqliteStore::open(&path).unwrap());
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let odd = jobs.enqueue(Text("odd".into())).await.unwrap().id();
        set(&path, odd, "id", "x'0102'");
        let even = jobs.enqueue(Text("even".into())).await.unwrap().id();
        let worker = start(&jobs, &rt);
        let done = timeout(LONG, jobs.wait::<String>(even)).await;
        assert_eq!(done, Ok(Ok("even".to_owned())));
        let report = worker.shutdown(LONG).await;
        assert!(report.is_clean() && report.finished == 1, "{report}");
        let page = jobs.search(JobSearch::default()).await.unwrap();
        assert_eq!(page.jobs.len(), 2);
    });
}
