//! Do a runtime's counters say where its workers' time went, and who stole from whom?

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::eventually;
use laneway::observe::RuntimeMetrics;
use laneway::sim::{Run, Sim, work};
use laneway::time::sleep;
use laneway::{Idle, Priority, Runtime, Stealing, spawn_task};

const HIGH: usize = 0;
const LOW: usize = 1;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn busy_and_parked_time_are_all_the_time_there_was() {
    let run = Sim::seed(1)
        .high(0)
        .low(1)
        .run(async {
            spawn_task!(async {
                work(ms(30));
                sleep(ms(70)).await;
                work(ms(5));
            })
            .await;
        })
        .unwrap();
    let worker = run.metrics.workers[0];
    assert_eq!(run.elapsed, ms(105));
    assert_eq!((worker.busy, worker.parked), (ms(35), ms(70)));
    assert_eq!(
        worker.searching,
        Duration::ZERO,
        "a simulated search takes no time"
    );
    assert_eq!(worker.alive(), ms(105));
}

#[test]
fn one_worker_sleeps_while_another_works() {
    let sim = Sim::seed(2).high(1).low(1).stealing(Stealing::None);
    let run = sim
        .run(async {
            spawn_task!(async { work(ms(40)) }, Priority::High).await;
        })
        .unwrap();
    let [high, low] = run.metrics.workers[..] else {
        panic!("two workers: {:?}", run.metrics);
    };
    assert_eq!((high.busy, high.parked), (ms(40), ms(0)));
    assert_eq!((low.busy, low.parked), (ms(0), ms(40)));
}

#[test]
fn a_task_that_blocks_its_thread_does_not_keep_its_worker_busy() {
    let run = Sim::seed(3)
        .high(0)
        .low(1)
        .run(async {
            spawn_task!(async {
                laneway::join!(spawn_task!(sleep(ms(50))));
            })
            .await;
        })
        .unwrap();
    let worker = run.metrics.workers[0];
    assert_eq!((worker.busy, worker.parked), (ms(0), ms(50)));
}

/// Ten low tasks on one high worker.
fn stolen() -> Run<()> {
    let sim = Sim::seed(4).high(1).low(0).queue("further", 1, &[]);
    sim.run(async {
        let tasks = (0..10).map(|_| spawn_task!(async {}));
        laneway::join_all(tasks.collect::<Vec<_>>());
        spawn_task!(async {}, Priority::High).await;
    })
    .unwrap()
}

#[test]
fn what_one_queue_loses_another_has_stolen() {
    let RuntimeMetrics {
        queues, workers, ..
    } = stolen().metrics;
    let thefts = |queue: &laneway::observe::QueueMetrics| (queue.stolen, queue.stolen_in);
    assert_eq!(thefts(&queues[HIGH]), (0, 10));
    assert_eq!(thefts(&queues[LOW]), (10, 0));
    assert_eq!(thefts(&queues[2]), (0, 0));
    assert_eq!(workers[0].stolen, 10);
    // Taken from the channel, not from another worker's deque.
    assert_eq!((workers[0].steals, workers[1].steals), (0, 0));
}

#[test]
fn a_worker_counts_its_steals_from_other_workers() {
    // One task spawns ten into its own worker's deque, and works on.
    let spawner = || async {
        let tasks: Vec<_> = (0..10)
            .map(|_| spawn_task!(async { work(ms(1)) }))
            .collect();
        work(ms(10));
        laneway::join_all(tasks);
    };
    let steals = |low: usize| {
        let sim = Sim::seed(5).high(0).low(low);
        let run = sim
            .run(async move { spawn_task!(spawner()).await })
            .unwrap();
        let workers = run.metrics.workers.iter();
        workers.map(|worker| worker.steals).sum::<u64>()
    };
    assert_eq!(steals(1), 0);
    assert!(steals(2) >= 1);
}

#[test]
fn the_stretch_that_a_worker_is_in_counts() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let (release, released) = channel::<()>();
    let blocked = rt.spawn(async move { released.recv().unwrap() }, Priority::High);
    // The one is parked all the while, the other in one poll.
    eventually("time passes", || {
        let [high, low] = rt.metrics().workers[..] else {
            panic!("two workers");
        };
        high.busy > ms(20) && low.parked > ms(20)
    });
    let before = rt.metrics().workers[LOW];
    assert_eq!(before.polls, 0);
    release.send(()).unwrap();
    rt.block_on(blocked);
    eventually("the high worker parks", || {
        rt.metrics().workers[HIGH].parked > Duration::ZERO
    });
    let after = rt.metrics().workers[LOW];
    assert!(after.parked >= before.parked && after.alive() >= before.alive());
}

#[test]
fn the_times_stand_still_after_the_end() {
    let rt = Runtime::builder().with_low_num(2).build().unwrap();
    rt.block_on(rt.spawn(async {}, Priority::Low));
    assert!(rt.shutdown(Duration::from_secs(20)).is_clean());
    let at_the_end = rt.metrics();
    let ended: Duration = at_the_end.workers.iter().map(|w| w.alive()).sum();
    assert!(ended > Duration::ZERO);
    let (give, take) = channel::<()>();
    assert!(take.recv_timeout(ms(2)).is_err(), "time passes");
    drop(give);
    assert_eq!(rt.metrics(), at_the_end);
}

#[test]
fn a_nap_is_parked_time() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .with_idle(Idle::Nap(ms(1)))
        .build()
        .unwrap();
    eventually("it has napped", || rt.metrics().workers[0].parks > 5);
    let worker = rt.metrics().workers[0];
    assert!(worker.parked >= ms(4), "{worker:?}");
    rt.block_on(rt.spawn(async {}, Priority::Low));
    assert_eq!(rt.metrics().workers[0].polls, 1);
}
