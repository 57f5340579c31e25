//! Does a move between a file and a server bring everything over, once, also where it was cut off
//! after any of its steps?

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_lite::future::zip;
use laneway::time::sleep;
use laneway::{Runtime, block_on};
use laneway_jobs::postgres::{ConnectError, PostgresOptions};
use laneway_jobs::sqlite::{OpenError, SqliteSource, SqliteStore, SqliteTarget};
use laneway_jobs::store::{
    ByHand, NewSchedule, PartRow, ScheduleChange, ScheduleStore, Store, StorePart, TransferEnd,
    TransferPage, TransferSource, TransferTarget, Transferred, transfer,
};
use laneway_jobs::{IfExists, Job, Jobs};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::server;

#[derive(Serialize, Deserialize)]
struct Text(String);

impl Job for Text {
    const KIND: &'static str = "text";
    const OLD_KINDS: &'static [&'static str] = &["Text"];
}

/// More than one transaction moves.
const JOBS: usize = 563;

/// Rows in every part: what the store's own operations do not make is written beside them.
fn fill(file: &PathBuf) {
    let store = SqliteStore::open(file).unwrap();
    let jobs = Jobs::new(store.clone());
    block_on(async {
        let texts = (0..JOBS - 3).map(|n| jobs.enqueue(Text(format!("{n} \"'\\ ä"))));
        jobs.enqueue_all(texts).await.unwrap();
        let links = ["a", "b"].map(|name| jobs.enqueue(Text(name.into())));
        jobs.enqueue_chain(links).await.unwrap();
        let one = jobs.enqueue(Text("x".repeat(300_000))).queue("Äpfel");
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
        let pauses = ["later", "Zebra", "apple"].map(|name| ByHand::Pause(name.into()));
        store.change(pauses.to_vec()).await.unwrap();
    });
    drop((jobs, store));
    closed(file);
    let connection = Connection::open(file).unwrap();
    let beside = "
        UPDATE laneway_job SET state = seq % 6, progress = 0.25, result = x'01', fence = 7,
            lease_until = 9, finished_at = 8, error = 'ä'
            WHERE awaited_by IS NULL AND unique_key IS NULL AND held = 0;
        INSERT INTO laneway_attempt SELECT id, 7, 1, 'w', NULL, 5, 'e' FROM laneway_job;
        INSERT INTO laneway_step SELECT id, 'charge', x'31' FROM laneway_job LIMIT 40;
        INSERT INTO laneway_step SELECT id, 'Änderung', x'32' FROM laneway_job LIMIT 40;
        INSERT INTO laneway_fire (schedule, at, fired_at) VALUES ('nightly', 1, 2);
        UPDATE laneway_meta SET fence = 70;";
    connection.execute_batch(beside).unwrap();
}

/// Waits until no store has the file open: the last one's connection is closed by the thread that
/// ran its last command.
fn closed(file: &PathBuf) {
    let begun = Instant::now();
    while let Err(error) = SqliteSource::open(file) {
        assert!(matches!(error, OpenError::InUse(_)), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        block_on(sleep(Duration::from_millis(2)));
    }
}

fn all_of(end: &dyn TransferEnd) -> Vec<(StorePart, PartRow)> {
    let mut all = Vec::new();
    for part in StorePart::ALL {
        let page = TransferPage {
            part,
            after: None,
            limit: 10_000,
        };
        let rows = block_on(end.export(page)).unwrap();
        assert!(!rows.is_empty(), "{part:?}");
        all.extend(rows.into_iter().map(|row| (part, row)));
    }
    all
}

fn move_all(source: &dyn TransferSource, target: &dyn TransferTarget) -> Transferred {
    block_on(transfer(source, target, |_| {})).unwrap()
}

/// As earlier releases and other programs have written them.
#[test]
fn texts_with_a_character_of_code_zero_move() {
    let Some(server) = server::shared() else {
        return;
    };
    let folder = Folder::new("move-zeros");
    let file = folder.file("old.db");
    fill(&file);
    let beside = "
        UPDATE laneway_job SET error = 'a' || char(0) || 'b', worker = char(0),
            progress_text = char(0) || 'c';
        UPDATE laneway_attempt SET error = char(0), worker = 'w' || char(0);
        UPDATE laneway_fire SET error = 'd' || char(0);";
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(beside).unwrap();
    drop(connection);
    let url = format!("{}?schema=zeros", server.url());
    let move_once = || {
        let source = SqliteSource::open(&file).unwrap();
        let target = block_on(PostgresOptions::new().target(&url)).unwrap();
        (move_all(&source, &target), all_of(target.end()))
    };
    let (moved, there) = move_once();
    assert_eq!(
        (moved, move_once().0),
        (Transferred::Now, Transferred::Before)
    );
    let text = format!("{there:?}");
    for kept in ["a\u{fffd}b", "\u{fffd}c", "w\u{fffd}", "d\u{fffd}"] {
        assert!(text.contains(kept), "{kept:?}");
    }
}

#[test]
fn everything_moves_to_a_server_and_back() {
    let Some(server) = server::shared() else {
        return;
    };
    let folder = Folder::new("move-there");
    fill(&folder.file("old.db"));
    let url = format!("{}?schema=the%20jobs", server.url());
    let options = PostgresOptions::new();
    let old = SqliteSource::open(folder.file("old.db")).unwrap();
    let before = all_of(old.end());
    let target = block_on(options.clone().target(&url)).unwrap();
    assert_eq!(move_all(&old, &target), Transferred::Now);
    assert_eq!(all_of(target.end()), before);
    let name = target.end().name().to_owned();
    assert!(name.ends_with("/postgres?schema=the%20jobs"), "{name}");
    assert_eq!(move_all(&old, &target), Transferred::Before);
    drop((old, target));
    let refused = SqliteStore::open(folder.file("old.db")).unwrap_err();
    assert!(refused.to_string().contains(&name), "{refused}");
    block_on(async {
        let store = options.clone().connect(&url).await.unwrap();
        let jobs = Jobs::new(store.clone());
        let _ = jobs.enqueue(Text("the next".into())).await.unwrap();
    });
    let source = block_on(options.clone().source(&url)).unwrap();
    assert!(block_on(source.end().counters()).unwrap().fence >= 70);
    let new = SqliteTarget::open(folder.file("new.db")).unwrap();
    assert_eq!(move_all(&source, &new), Transferred::Now);
    let after = all_of(new.end());
    assert_eq!(after.len(), before.len() + 1, "the next one is behind all");
    assert!(before.iter().all(|row| after.contains(row)));
    drop((source, new));
    let refused = block_on(options.connect(&url)).unwrap_err();
    assert!(refused.to_string().contains("new.db"), "{refused}");
    assert!(SqliteStore::open(folder.file("new.db")).is_ok());
}

/// Drops the move when it has told of so many steps, and answers how many it told.
fn cut_off_after(
    steps: usize,
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
) -> Poll<Transferred> {
    let told = std::cell::Cell::new(0);
    let mut moving = pin!(transfer(source, target, |_| told.set(told.get() + 1)));
    block_on(std::future::poll_fn(|cx| {
        if told.get() >= steps {
            return Poll::Ready(Poll::Pending);
        }
        match moving.as_mut().poll(cx) {
            Poll::Ready(moved) => Poll::Ready(Poll::Ready(moved.unwrap())),
            Poll::Pending if told.get() >= steps => Poll::Ready(Poll::Pending),
            Poll::Pending => Poll::Pending,
        }
    }))
}

#[test]
fn a_move_that_is_cut_off_goes_on_and_one_end_is_open_at_most() {
    let Some(server) = server::shared() else {
        return;
    };
    let folder = Folder::new("move-cut");
    fill(&folder.file("model.db"));
    let options = PostgresOptions::new();
    for steps in (0..).step_by(3) {
        let file = folder.file(&format!("old{steps}.db"));
        fs::copy(folder.file("model.db"), &file).unwrap();
        let url = format!("{}?schema=cut{steps}", server.url());
        let ends = || {
            let old = SqliteSource::open(&file).unwrap();
            (old, block_on(options.clone().target(&url)).unwrap())
        };
        let (old, new) = ends();
        let cut = cut_off_after(steps, &old, &new);
        drop((old, new));
        closed(&file);
        let old_opens = SqliteStore::open(&file).is_ok();
        let new = block_on(options.clone().visit(&url));
        let has_jobs = new.is_ok_and(|new| !block_on(new.counts(1)).unwrap().is_empty());
        assert!(!(old_opens && has_jobs), "both are open after {steps}");
        closed(&file);
        let (old, new) = ends();
        let moved = move_all(&old, &new);
        assert_eq!(all_of(new.end()), all_of(old.end()), "{steps}");
        if cut.is_ready() {
            assert_eq!(moved, Transferred::Before);
            return;
        }
    }
}

#[test]
fn a_schema_in_use_is_not_moved_and_one_that_is_moved_takes_no_more() {
    let Some(server) = server::shared() else {
        return;
    };
    let folder = Folder::new("move-in-use");
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("in use");
        let store = options.clone().connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        let in_use = ConnectError::InUse("in use".into());
        let refused = options.clone().source(&server.url()).await.unwrap_err();
        assert_eq!(refused, in_use);
        let refused = options.clone().target(&server.url()).await.unwrap_err();
        assert_eq!(refused, in_use);
        drop(store);
        let source = options.clone().source(&server.url()).await.unwrap();
        let refused = options.clone().connect(&server.url()).await.unwrap_err();
        assert!(matches!(refused, ConnectError::InUse(_)), "{refused}");
        // A caller's own connection waits for the end of the move.
        let inserted = rt.spawn(
            async move {
                let text = "
                    INSERT INTO \"in use\".laneway_job
                        (id, run_at, created_at, max_attempts, lane, kind, queue, payload)
                    VALUES ('018f0e9c-7b3a-7c00-8a1b-000000000001', 0, 0, 1, 1, 'a', 'b', '7')";
                client.batch_execute(text).await
            },
            laneway::Priority::Low,
        );
        let target = SqliteTarget::open(folder.file("new.db")).unwrap();
        let moved = transfer(&source, &target, |_| {}).await;
        assert_eq!(moved, Ok(Transferred::Now));
        let refused = inserted.await.unwrap_err();
        let told = refused.as_db_error().unwrap().message().to_owned();
        assert!(told.contains("new.db"), "{told}");
        drop(source);
    });
}

/// The server may still hold the lock of a program that has just ended.
#[test]
fn the_end_of_a_move_is_waited_for_a_moment() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("leaving");
        drop(options.clone().connect(&server.url()).await.unwrap());
        let source = options.clone().source(&server.url()).await.unwrap();
        let leaves = async {
            sleep(Duration::from_millis(200)).await;
            drop(source);
        };
        let (opened, ()) = zip(options.connect(&server.url()), leaves).await;
        assert!(opened.is_ok(), "{opened:?}");
    });
}

#[test]
fn a_visit_changes_nothing() {
    let Some(server) = server::shared() else {
        return;
    };
    let visit = |schema: &str| {
        let options = PostgresOptions::new().schema(schema);
        block_on(options.visit(&server.url())).err()
    };
    let none = ConnectError::NoJobs("not there".into());
    assert_eq!(visit("not there"), Some(none.clone()));
    assert_eq!(visit("not there"), Some(none), "nothing was made");
    assert_eq!(visit("public"), Some(ConnectError::NoJobs("public".into())));
    drop(
        block_on(
            PostgresOptions::new()
                .schema("visited")
                .connect(&server.url()),
        )
        .unwrap(),
    );
    assert_eq!(visit("visited"), None);
}
