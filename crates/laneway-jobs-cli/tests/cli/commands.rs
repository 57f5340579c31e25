//! Does each command do what it says, and say it in JSON?

use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use crate::support::{Folder, Text, lines, ran};
use laneway::block_on;
use laneway_jobs::store::{
    Bounds, Claim, ClaimId, ClaimOrder, ClaimedJob, Held, JobView, KeyRound, NewSchedule, Note,
    NoteKind, Outcome, ScheduleChange, Settlement, Step, Store, Whom,
};
use laneway_jobs::{IfExists, Job, JobId, JobState};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn enqueue(folder: &Folder, text: &str) -> JobId {
    let jobs = folder.jobs();
    block_on(async { jobs.enqueue(Text(text.into())).await.unwrap().id() })
}

/// Each claim has an id of its own.
static CLAIMS: AtomicU8 = AtomicU8::new(1);

fn claim(store: &dyn Store, limit: usize) -> Vec<ClaimedJob> {
    let claim = Claim {
        id: ClaimId::from_bytes([CLAIMS.fetch_add(1, Relaxed); 16]),
        queue: "default".into(),
        kinds: vec!["text".into()],
        limit,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease: Duration::from_secs(60),
        worker: "ada".into(),
        bounds: Bounds::default(),
        round: KeyRound::default(),
    };
    block_on(store.claim(claim)).unwrap().jobs
}

fn settle(store: &dyn Store, job: &ClaimedJob, outcome: Outcome) {
    let held = held(job);
    let settled = block_on(store.settle(vec![Settlement { held, outcome }]));
    assert_eq!(settled.unwrap(), [laneway_jobs::store::Guarded::Held]);
}

fn held(job: &ClaimedJob) -> Held {
    Held {
        id: job.id,
        fence: job.fence,
    }
}

fn failed() -> Outcome {
    Outcome::Failed {
        error: "no\nanswer".into(),
    }
}

/// Some jobs, of which this number have failed.
fn some(folder: &Folder, all: usize, bad: usize) -> Vec<JobId> {
    let ids = (0..all).map(|n| enqueue(folder, &n.to_string())).collect();
    let store = folder.store();
    for job in claim(&*store, bad) {
        settle(&*store, &job, failed());
    }
    ids
}

fn state_of(folder: &Folder, id: JobId) -> Option<JobState> {
    let view = block_on(folder.store().look(vec![id])).unwrap().pop();
    view.flatten().map(|view| view.state)
}

#[test]
fn list_shows_the_newest_first_and_filters() {
    let folder = Folder::new("list");
    let ids = some(&folder, 5, 2);
    let listed = folder.run("list --json").json();
    let listed: Vec<&Value> = listed.iter().map(|job| &job["id"]).collect();
    let newest: Vec<String> = ids.iter().rev().map(JobId::to_string).collect();
    assert_eq!(listed, newest.iter().collect::<Vec<_>>());
    let failed = folder.run("list --json --state failed --kind text --queue default");
    let failed = failed.json();
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0]["error"], "no\nanswer");
    assert_eq!(failed[0]["attempt"], 1);
    assert_eq!(folder.run("list --json --error answer").json().len(), 2);
    assert_eq!(folder.run("list --json --kind other").ok(), "");
    assert_eq!(folder.run("list --json --limit 3").json().len(), 3);
    let before = format!("list --json --before {}", ids[2]);
    assert_eq!(folder.run(&before).json().len(), 2);
}

#[test]
fn a_table_has_aligned_columns_and_one_line_for_each_job() {
    let folder = Folder::new("table");
    some(&folder, 3, 1);
    let table = folder.run("list").ok();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    let place = lines[0].find("state").unwrap();
    assert!(
        lines[1..].iter().all(|line| &line[place - 1..place] == " "),
        "{table}"
    );
    assert!(lines.iter().all(|line| !line.contains('\x1b')));
    assert!(
        lines[3].contains("failed") && lines[3].ends_with("no\\nanswer"),
        "{table}"
    );
}

#[test]
fn queues_are_listed_with_their_counts_and_pauses() {
    let folder = Folder::new("queues");
    some(&folder, 3, 1);
    folder.run("pause default").ok();
    let queues = folder.run("list --queues --json").json();
    assert_eq!(queues.len(), 1);
    assert_eq!(queues[0]["paused"], true);
    assert_eq!(queues[0]["jobs"]["ready"], 2);
    assert_eq!(queues[0]["jobs"]["failed"], 1);
    assert!(folder.run("list --queues").ok().contains("paused"));
}

#[test]
fn show_tells_all_of_one_job() {
    let folder = Folder::new("show");
    let id = enqueue(&folder, "hello");
    let store = folder.store();
    let job = claim(&*store, 1).remove(0);
    let step = Step {
        name: "charge".into(),
        value: b"17".to_vec(),
    };
    let notes = [
        NoteKind::Step(step),
        NoteKind::Progress {
            part: 0.25,
            text: "at it".into(),
        },
    ];
    let notes = notes.map(|kind| Note {
        held: held(&job),
        kind,
    });
    for answer in block_on(store.note(notes.into())).unwrap() {
        assert_eq!(answer, laneway_jobs::store::Guarded::Held);
    }
    let running = folder.run(&format!("show {id} --json")).json().remove(0);
    assert_eq!(running["worker"], "ada");
    assert!(running["lease_until"].is_string());
    let after = Duration::ZERO;
    let error = "busy".to_owned();
    settle(&*store, &job, Outcome::Retry { after, error });
    let job = claim(&*store, 1).remove(0);
    settle(&*store, &job, Outcome::Completed(b"{\"sum\":3}".to_vec()));
    let shown = folder.run(&format!("show {id} --json")).json().remove(0);
    assert_eq!(shown["state"], "done");
    assert_eq!(shown["payload"], "hello");
    assert_eq!(shown["result"], json!({"sum": 3}));
    assert_eq!(shown["attempts"][0]["error"], "busy");
    assert_eq!(shown["steps"][0], json!({"name": "charge", "value": 17}));
    assert_eq!(shown["progress"], 0.25);
    let text = folder.run(&format!("show {id}")).ok();
    for part in ["payload       \"hello\"", "25% at it", "busy", "charge"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let missing = "018f0e9c-7b3a-7c00-8a1b-000000000001";
    let missing = folder.run(&format!("show {missing}")).fails(1);
    assert!(missing.contains("there is no job"));
}

#[test]
fn jobs_are_retried_cancelled_and_deleted_by_their_ids() {
    let folder = Folder::new("by-hand");
    let ids = some(&folder, 3, 1);
    let (bad, ready) = (ids[0], ids[1]);
    let answer = folder.run(&format!("retry {bad} --json")).json();
    assert_eq!(
        answer,
        [json!({"id": bad.to_string(), "changed": "done", "state": null})]
    );
    assert_eq!(state_of(&folder, bad), Some(JobState::Ready));
    assert!(
        folder
            .run(&format!("cancel {ready}"))
            .ok()
            .contains("is cancelled")
    );
    assert_eq!(state_of(&folder, ready), Some(JobState::Cancelled));
    folder.run(&format!("delete {ready} {bad}")).ok();
    assert_eq!(state_of(&folder, ready), None);
    let store = folder.store();
    let running = claim(&*store, 1).remove(0).id;
    assert!(
        folder
            .run(&format!("cancel {running}"))
            .ok()
            .contains("asked to stop")
    );
    let refused = folder.run(&format!("delete {running} {bad} --json"));
    assert_eq!(refused.code, Some(1));
    let refused = lines(&refused.out);
    assert_eq!(refused[0]["changed"], "not");
    assert_eq!(refused[0]["state"], "running");
    assert_eq!(refused[1]["changed"], "missing");
}

#[test]
fn a_job_of_later_runs_now() {
    let folder = Folder::new("run-now");
    let jobs = folder.jobs();
    let day = Duration::from_secs(86_400);
    let enqueue = jobs.enqueue(Text("later".into())).after(day);
    let id = block_on(async { enqueue.await.unwrap().id() });
    let store = folder.store();
    assert!(claim(&*store, 1).is_empty());
    let said = folder.run(&format!("run-now {id}")).ok();
    assert_eq!(said, format!("{id} waits for no time any more\n"));
    settle(&*store, &claim(&*store, 1)[0], failed());
    let refused = folder.run(&format!("run-now {id}"));
    assert_eq!(refused.code, Some(1));
    let said = format!("{id} is failed; run-now does not apply to it\n");
    assert_eq!(refused.out, said);
}

#[test]
fn those_with_an_error_are_retried_and_the_others_are_not() {
    let folder = Folder::new("by-error");
    let ids = some(&folder, 3, 2);
    let store = folder.store();
    let busy = Outcome::Failed {
        error: "10.0.0.7: busy".into(),
    };
    settle(&*store, &claim(&*store, 1)[0], busy);
    let mut retry = folder.command("retry --all --yes --json --error");
    let ran = crate::support::ran(retry.arg("7: busy").output().unwrap());
    assert_eq!(ran.json(), [json!({"matched": 1, "changed": 1})]);
    assert_eq!(state_of(&folder, ids[2]), Some(JobState::Ready));
    assert_eq!(state_of(&folder, ids[0]), Some(JobState::Failed));
}

#[test]
fn all_that_match_are_counted_first_and_changed_with_yes() {
    let folder = Folder::new("bulk");
    let ids = some(&folder, 1_300, 1_200);
    let counted = folder.run("retry --all --kind text");
    assert_eq!(counted.code, Some(1));
    assert_eq!(
        counted.out,
        "retry: 1200 jobs match; nothing was changed: add --yes\n"
    );
    assert_eq!(state_of(&folder, ids[0]), Some(JobState::Failed));
    let none = folder.run("retry --all --kind other --yes --json").json();
    assert_eq!(none, [json!({"matched": 0, "changed": 0})]);
    let retried = folder.run("retry --all --state failed --yes --json").json();
    assert_eq!(retried, [json!({"matched": 1200, "changed": 1200})]);
    assert_eq!(state_of(&folder, ids[0]), Some(JobState::Ready));
    let cancelled = folder
        .run("cancel --all --queue default --yes --json")
        .json();
    assert_eq!(cancelled[0]["changed"], 1_300);
    let deleted = folder
        .run("delete --all --state cancelled --yes --json")
        .json();
    assert_eq!(deleted[0]["changed"], 1_300);
    assert_eq!(folder.run("list").ok(), "no jobs match\n");
}

#[test]
fn a_paused_queue_gives_no_jobs_until_it_is_resumed() {
    let folder = Folder::new("pause");
    enqueue(&folder, "x");
    let paused = folder.run("pause default --json").json();
    assert_eq!(
        paused,
        [json!({"what": "queue", "name": "default", "paused": true})]
    );
    let store = folder.store();
    assert!(claim(&*store, 1).is_empty());
    assert_eq!(
        folder.run("resume default --json").json()[0]["paused"],
        false
    );
    assert_eq!(claim(&*store, 1).len(), 1);
    assert!(folder.run("resume other").fails(1).contains("no queue"));
    let mistyped = folder.run("pause defalt").ok();
    let said = "the queue defalt, which has had no jobs so far, is paused\n";
    assert_eq!(mistyped, said);
}

#[test]
fn a_queue_behind_a_thousand_others_is_resumed() {
    let folder = Folder::new("many-queues");
    drop(folder.store());
    let connection = Connection::open(folder.file()).unwrap();
    let many = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number
            WHERE n < 1500)
        INSERT INTO laneway_queue (name) SELECT printf('q%04d', n) FROM number";
    connection.execute_batch(many).unwrap();
    folder.run("pause q1400").ok();
    let resumed = folder.run("resume q1400").ok();
    assert_eq!(resumed, "the queue q1400 is not paused\n");
    let drained = folder.run("drain q1400").ok();
    assert!(!drained.contains("is paused"), "{drained}");
    let text = "SELECT paused FROM laneway_queue WHERE name = 'q1400'";
    let paused: bool = connection.query_row(text, [], |row| row.get(0)).unwrap();
    assert!(!paused);
}

#[test]
fn drain_tells_how_many_are_left_and_waits_for_them() {
    let folder = Folder::new("drain");
    enqueue(&folder, "x");
    enqueue(&folder, "y");
    let late = folder.run("drain --timeout 0s");
    assert_eq!(late.code, Some(1));
    assert!(late.err.contains("2 ready and 0 running"), "{late:?}");
    let mut waiting = folder.spawn("drain default --json");
    let mut told = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let first = lines(&told.next().unwrap().unwrap());
    assert_eq!(
        first,
        [json!({"queue": "default", "ready": 2, "running": 0, "paused": false})]
    );
    let store = folder.store();
    for job in claim(&*store, 2) {
        settle(&*store, &job, Outcome::Completed(b"1".to_vec()));
    }
    let last = lines(&told.next().unwrap().unwrap());
    assert_eq!(last, [json!({"queue": "default", "drained": true})]);
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert!(folder.run("drain nothing").fails(1).contains("no queue"));
}

#[test]
fn schedules_are_listed_paused_and_removed() {
    let folder = Folder::new("schedules");
    let next = SystemTime::UNIX_EPOCH + Duration::from_secs(4_107_542_400);
    let schedule = NewSchedule {
        name: "nightly".into(),
        pattern: "0 3 * * *".into(),
        zone: "UTC".into(),
        kind: "text".into(),
        next: Some(next),
    };
    let keep = ScheduleChange::Keep(schedule);
    block_on(folder.store().change_schedules(vec![keep])).unwrap();
    let listed = folder.run("schedules --json").json();
    assert_eq!(listed[0]["name"], "nightly");
    assert_eq!(listed[0]["next"], "2100-03-01T00:00:00.000000Z");
    assert_eq!(listed[0]["paused"], false);
    folder.run("pause --schedule nightly").ok();
    assert_eq!(folder.run("schedules --json").json()[0]["paused"], true);
    folder.run("resume --schedule nightly").ok();
    assert!(folder.run("schedules").ok().contains("active"));
    assert!(
        folder
            .run("pause --schedule other")
            .fails(1)
            .contains("no schedule")
    );
    folder.run("schedules --remove nightly").ok();
    assert_eq!(folder.run("schedules").ok(), "there are no schedules\n");
    folder.run("schedules --remove nightly").fails(1);
}

#[test]
fn workers_are_listed_by_their_leases() {
    let folder = Folder::new("workers");
    let ids = [enqueue(&folder, "x"), enqueue(&folder, "y")];
    assert_eq!(folder.run("workers").ok(), "no worker holds a job\n");
    assert_eq!(claim(&*folder.store(), 2).len(), 2);
    let workers = folder.run("workers --json").json();
    assert_eq!(workers.len(), 1);
    assert_eq!(workers[0]["worker"], "ada");
    let mut held: Vec<String> = Vec::new();
    for lease in workers[0]["leases"].as_array().unwrap() {
        held.push(lease["job"].as_str().unwrap().to_owned());
    }
    held.sort();
    assert_eq!(held, ids.map(|id| id.to_string()));
    assert!(folder.run("workers").ok().contains("in "));
}

#[test]
fn prune_deletes_what_is_old_enough() {
    let folder = Folder::new("prune");
    some(&folder, 3, 2);
    assert_eq!(folder.run("prune --json").json(), [json!({"deleted": 0})]);
    let pruned = folder.run("prune --failed-after 0s --json").json();
    assert_eq!(pruned, [json!({"deleted": 2})]);
    assert_eq!(folder.run("list --json").json().len(), 1);
}

#[test]
fn migrate_makes_the_tables_and_prints_their_sql() {
    let folder = Folder::new("migrate");
    let printed = folder.run("migrate --print").ok();
    assert!(!std::path::Path::new(&folder.file()).exists());
    Connection::open_in_memory()
        .unwrap()
        .execute_batch(&printed)
        .unwrap();
    let printed = folder.run("migrate --print --json").json();
    assert_eq!(printed[0]["schema"], 1);
    let migrated = folder.run("migrate --json").json();
    assert_eq!(migrated[0]["schema"], printed.len());
    assert_eq!(folder.run("list").ok(), "no jobs match\n");
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let folder = Folder::new("doctor");
    enqueue(&folder, "x");
    assert_eq!(folder.run("doctor").ok(), "all is well\n");
    assert_eq!(folder.run("doctor --json").ok(), "");
    let connection = Connection::open(folder.file()).unwrap();
    let change = "DROP INDEX laneway_job_ready; UPDATE laneway_job SET state = 9;";
    connection.execute_batch(change).unwrap();
    drop(connection);
    let found = folder.run("doctor --json");
    assert_eq!(found.code, Some(1));
    let found = lines(&found.out);
    let names: Vec<&Value> = found.iter().map(|found| &found["finding"]).collect();
    assert_eq!(names, ["missing-index", "unknown-standing"]);
    assert!(found.iter().all(|found| found["advice"].is_string()));
    let text = folder.run("doctor");
    assert_eq!(text.code, Some(1));
    assert!(
        text.out
            .contains("the index laneway_job_ready is missing\n    create it again")
    );
}

#[test]
fn bench_measures_and_leaves_nothing() {
    let folder = Folder::new("bench");
    let measured = folder.run("bench --jobs 300 --callers 7 --json").json();
    let parts: Vec<&Value> = measured.iter().map(|measured| &measured["part"]).collect();
    assert_eq!(parts, ["enqueue", "drain"]);
    assert!(
        measured
            .iter()
            .all(|part| part["jobs_per_second"].as_f64().unwrap() > 0.0)
    );
    assert!(!std::path::Path::new(&folder.file()).exists());
    let table = folder
        .run(&format!("bench --jobs 20 --database {}", folder.file()))
        .ok();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(folder.run("list").ok(), "no jobs match\n");
}

#[derive(Serialize, Deserialize)]
struct OfABench;

impl Job for OfABench {
    const KIND: &'static str = "laneway-jobs-bench";
}

#[test]
fn bench_leaves_the_jobs_of_another_bench_alone() {
    let folder = Folder::new("benches");
    let jobs = folder.jobs();
    let other = block_on(async {
        let others = (0..30).map(|_| jobs.enqueue(OfABench).queue("laneway-jobs-bench"));
        jobs.enqueue_all(others).await.unwrap()
    });
    drop(jobs);
    for _ in 0..2 {
        let line = format!("bench --jobs 20 --database {}", folder.file());
        folder.run(&line).ok();
    }
    for job in other {
        assert_eq!(state_of(&folder, job.id()), Some(JobState::Ready));
    }
    assert_eq!(folder.run("list --json").json().len(), 30);
    let queues = folder.run("list --queues --json").json();
    assert_eq!(queues.len(), 2, "runs that follow each other share one");
}

#[test]
fn move_brings_everything_over_and_the_old_file_says_where() {
    let folder = Folder::new("move");
    some(&folder, 600, 3);
    folder.closed();
    let (from, to) = (folder.file(), folder.path("new.db"));
    let moved = folder
        .run(&format!("move --from {from} --to {to} --json"))
        .json();
    let compared = |part: &&Value| part["step"] == "compared" && part["part"] == "jobs";
    assert_eq!(moved.iter().find(compared).unwrap()["rows"], 600);
    assert_eq!(moved.last().unwrap()["moved"], true);
    let refused = folder.run("list").fails(1);
    assert!(
        refused.contains("were moved to") && refused.contains("new.db"),
        "{refused}"
    );
    let listed = folder.run(&format!("list --json --limit 1000 --database {to}"));
    assert_eq!(listed.json().len(), 600);
    let again = folder.run(&format!("move --from {from} --to {to}")).ok();
    assert!(again.ends_with("new.db before\n"), "{again}");
    let elsewhere = folder.path("third.db");
    let refused = folder
        .run(&format!("move --from {from} --to {elsewhere}"))
        .fails(1);
    assert!(refused.contains("move from there"), "{refused}");
    assert!(
        !fs::exists(&elsewhere).unwrap(),
        "an empty database was made"
    );
    fs::remove_file(&to).unwrap();
    let lost = folder
        .run(&format!("move --from {from} --to {to}"))
        .fails(1);
    assert!(lost.contains("restore it"), "{lost}");
    assert!(!fs::exists(&to).unwrap(), "an empty database was made");
}

#[test]
fn a_reader_that_has_read_enough_does_not_end_the_changes() {
    let folder = Folder::new("head");
    let ids = some(&folder, 600, 600);
    let words: Vec<String> = ids.iter().map(JobId::to_string).collect();
    let mut retry = folder.spawn(&format!("retry {}", words.join(" ")));
    drop(retry.stdout.take());
    assert!(retry.wait().unwrap().success());
    let store = folder.store();
    let views = block_on(store.look(ids)).unwrap();
    let ready = |view: &Option<_>| view.as_ref().map(|view: &JobView| view.state);
    assert!(
        views
            .iter()
            .all(|view| ready(view) == Some(JobState::Ready))
    );
}

/// Its output has no reader from the beginning.
fn code_unread(folder: &Folder, line: &str) -> Option<i32> {
    let mut running = folder.spawn(line);
    drop(running.stdout.take());
    running.wait().unwrap().code()
}

#[test]
fn a_reader_that_has_gone_does_not_change_the_code() {
    let folder = Folder::new("unread");
    enqueue(&folder, "x");
    assert_eq!(code_unread(&folder, "drain --timeout 0s"), Some(1));
    assert_eq!(code_unread(&folder, "cancel --all"), Some(1), "no --yes");
    assert_eq!(code_unread(&folder, "doctor"), Some(0));
    let connection = Connection::open(folder.file()).unwrap();
    let drop_index = "DROP INDEX laneway_job_ready";
    connection.execute_batch(drop_index).unwrap();
    drop(connection);
    for line in ["doctor", "doctor --json"] {
        assert_eq!(code_unread(&folder, line), Some(1), "{line}");
    }
}

#[test]
fn a_change_that_was_made_in_part_says_so_by_its_code() {
    let folder = Folder::new("in-part");
    let store = folder.store();
    for _ in 0..2 {
        let jobs = folder.jobs();
        let job = jobs
            .enqueue(Text("a".into()))
            .unique("same", IfExists::Keep);
        let _ = block_on(async { job.await.unwrap() });
        settle(&*store, &claim(&*store, 1)[0], failed());
    }
    let ran = folder.run("retry --all --yes");
    assert_eq!(ran.out, "retry: 1 of 2 jobs that matched\n");
    assert_eq!(ran.code, Some(1));
    assert_eq!(code_unread(&folder, "retry --all --yes"), Some(1), "0 of 1");
}

#[test]
fn a_name_with_a_line_end_stays_in_its_line() {
    let folder = Folder::new("line-end");
    drop(folder.store());
    let mut pause = folder.command("pause");
    let ran = crate::support::ran(pause.arg("a\nb").output().unwrap());
    assert_eq!(
        ran.ok(),
        "the queue a\\nb, which has had no jobs so far, is paused\n"
    );
}

#[test]
fn the_job_of_a_unique_key_is_listed_and_cancelled() {
    let folder = Folder::new("unique");
    let jobs = folder.jobs();
    let job = jobs.enqueue(Text("once".to_owned()));
    let job = job.unique("a key", IfExists::Keep);
    let id = block_on(job.into_future()).unwrap().id();
    enqueue(&folder, "other");
    let run = |words: &[&str]| {
        let mut command = folder.command(words[0]);
        ran(command.args(&words[1..]).output().unwrap())
    };
    let listed = run(&["list", "--json", "--unique", "a key"]).json();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], id.to_string());
    assert_eq!(run(&["list", "--json", "--since", "1h"]).json().len(), 2);
    assert_eq!(run(&["list", "--json", "--until", "1h"]).json().len(), 0);
    assert_eq!(
        run(&["list", "--json", "--limit-key", "a key"])
            .json()
            .len(),
        0
    );
    run(&["cancel", "--unique", "a key"]).fails(2);
    run(&[
        "cancel", "--kind", "text", "--unique", "a key", "--queue", "x",
    ])
    .fails(2);
    let other = run(&["cancel", "--kind", "text", "--unique", "b"]).fails(1);
    assert!(other.contains("no unfinished job"), "{other}");
    let cancelled = run(&["cancel", "--kind", "text", "--unique", "a key"]).ok();
    assert_eq!(cancelled, format!("{id} is cancelled\n"));
    assert_eq!(state_of(&folder, id), Some(JobState::Cancelled));
    run(&["cancel", "--kind", "text", "--unique", "a key"]).fails(1);
}

#[test]
fn what_only_reads_does_not_wait_for_a_program_that_writes() {
    let folder = Folder::new("held-lock");
    let id = enqueue(&folder, "one");
    let writing = Connection::open(folder.file()).unwrap();
    writing.execute_batch("BEGIN IMMEDIATE").unwrap();
    for line in ["list", "list --queues", "schedules", "workers"] {
        folder.run(line).ok();
    }
    folder.run(&format!("show {id}")).ok();
    // A change waits, and says in the end why it was not made.
    folder.run("pause default").fails(1);
    drop(writing);
    folder.run("pause default").ok();
}
