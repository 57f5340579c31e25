//! Does a job of another process wake an idle worker, and is nothing lost where no notification
//! comes?

use std::time::{Duration, Instant};

use laneway::time::{sleep, timeout};
use laneway::{Priority, Runtime};
use laneway_jobs::postgres::{PostgresOptions, PostgresStore, WakeUps};
use laneway_jobs::store::{
    Bounds, Claim, ClaimId, ClaimOrder, KeyRound, Listener, NewSchedule, ScheduleChange,
    ScheduleStore, Store, Whom,
};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server::{self, Server};

#[derive(Serialize, Deserialize)]
struct Asked(u32);

impl Job for Asked {
    const KIND: &'static str = "asked";
}

const ROUNDS: u32 = 10;
/// The claims of an idle worker are then one to two seconds apart.
const IDLE: Duration = Duration::from_secs(3);
/// A hint that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(20);

async fn connect(schema: &str, wake_ups: WakeUps) -> Option<PostgresStore> {
    let server = server::shared()?;
    let options = PostgresOptions::new().schema(schema).wake_ups(wake_ups);
    Some(options.connect(&server.url()).await.unwrap())
}

/// A store in a database whose ears no other test has a part in.
async fn connect_beside(server: &Server) -> PostgresStore {
    let url = server.url_of("tester", "ears");
    PostgresOptions::new().connect(&url).await.unwrap()
}

/// A claim that finds nothing, after which a store listens.
async fn claim(store: &PostgresStore) {
    let claim = Claim {
        id: ClaimId::from_bytes([7; 16]),
        queue: "default".into(),
        kinds: vec!["none".into()],
        limit: 1,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease: Duration::from_secs(1),
        worker: "ada".into(),
        bounds: Bounds::default(),
        round: KeyRound::default(),
    };
    assert!(store.claim(claim).await.unwrap().jobs.is_empty());
}

/// The next hint, which no claim of a worker can have replaced: there is none.
async fn hint(listener: &Listener) {
    let hinted = timeout(LIMIT, listener.hinted()).await;
    assert!(hinted.is_ok(), "no notification has come");
}

#[test]
fn a_job_of_another_process_is_heard_of_also_after_the_ear_was_lost() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let first = connect("wake", WakeUps::Polled).await.unwrap();
        let client = first.client().await.unwrap();
        client.batch_execute("CREATE DATABASE ears").await.unwrap();
        let store = connect_beside(server).await;
        let others = Jobs::new(connect_beside(server).await);
        let listener = store.hints().listen("default");
        let unconcerned = store.hints().listen("another");
        claim(&store).await;
        for _ in 0..2 {
            // What came before is looked at when the ear is there.
            hint(&listener).await;
            hint(&unconcerned).await;
            for number in 0..ROUNDS {
                let _ = others.enqueue(Asked(number)).await.unwrap();
                hint(&listener).await;
            }
            let heard = timeout(Duration::from_millis(100), unconcerned.hinted()).await;
            assert!(heard.is_err(), "another queue has jobs");
            let kill = "
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = 'ears' AND query LIKE '%LISTEN laneway%'";
            assert!(!client.query(kill, &[]).await.unwrap().is_empty());
        }
    });
}

#[test]
fn a_change_of_schedules_is_heard_of_and_wakes_no_queue() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = connect("wake schedules", WakeUps::Notified).await else {
            return;
        };
        let others = connect("wake schedules", WakeUps::Notified).await.unwrap();
        let schedules = store.hints().listen_to_schedules();
        let queue = store.hints().listen("default");
        claim(&store).await;
        // What came before is looked at when the ear is there.
        hint(&schedules).await;
        hint(&queue).await;
        let keep = ScheduleChange::Keep(NewSchedule {
            name: "nightly".to_owned(),
            pattern: "every 1d".to_owned(),
            zone: "UTC".to_owned(),
            kind: "asked".to_owned(),
            next: None,
        });
        others.change_schedules(vec![keep]).await.unwrap();
        hint(&schedules).await;
        let others = Jobs::new(others);
        let _ = others.pause_schedule("nightly").await.unwrap();
        hint(&schedules).await;
        let heard = timeout(Duration::from_millis(100), queue.hinted()).await;
        assert!(heard.is_err(), "no queue has jobs");
    });
}

#[test]
fn a_caller_without_a_runtime_announces_by_itself() {
    let rt = Runtime::builder().build().unwrap();
    let Some(store) = rt.block_on(connect("wake alone", WakeUps::Notified)) else {
        return;
    };
    let listener = store.hints().listen("default");
    rt.block_on(async {
        claim(&store).await;
        hint(&listener).await;
    });
    laneway::block_on(async {
        let others = connect("wake alone", WakeUps::Notified).await.unwrap();
        let _ = Jobs::new(others).enqueue(Asked(1)).await.unwrap();
    });
    rt.block_on(hint(&listener));
}

/// The sender announces nothing, as where all notifications are lost.
#[test]
fn lost_notifications_cost_the_time_until_the_next_claim() {
    let rt = Runtime::builder().build().unwrap();
    let run = async {
        let Some(store) = connect("wake lost", WakeUps::Notified).await else {
            return;
        };
        let (sender, begun) = flume::unbounded();
        let worker = Worker::new(&Jobs::new(store))
            .queue("default", Limit::in_flight(4))
            .handle(move |Asked(number): Asked, _: Ctx| {
                let sent = sender.send(number);
                async move { Ok::<_, JobError>(sent?) }
            })
            .start(&rt)
            .unwrap();
        let others = connect("wake lost", WakeUps::Polled).await.unwrap();
        let others = Jobs::new(others);
        sleep(IDLE).await;
        let callers = (0..8).map(|caller| {
            let others = others.clone();
            let enqueue = async move {
                for number in 0..25 {
                    sleep(Duration::from_millis(10)).await;
                    let job = Asked(caller * 25 + number);
                    let _ = others.enqueue(job).await.unwrap();
                }
            };
            rt.spawn(enqueue, Priority::Low)
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await;
        }
        let at = Instant::now();
        let mut all = Vec::new();
        for _ in 0..200 {
            all.push(begun.recv_async().await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<u32>>());
        assert!(at.elapsed() < Duration::from_secs(5), "{:?}", at.elapsed());
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    };
    rt.block_on(run);
}
