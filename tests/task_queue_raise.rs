//! Does a high task that waits for the work of a task queue draw it into the high lane? Only when
//! it is asked to.
//!
//! In simulated time, as in `background_inversion.rs`: the low queue holds twenty polls of a
//! millisecond each.

use std::ops::RangeInclusive;
use std::time::Duration;

use laneway::background::{TaskQueue, Wait, Work, WorkId, WorkStatus};
use laneway::sim::{Sim, work};
use laneway::time::{now, sleep};
use laneway::{Priority, Stealing, Task, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);
const BACKLOG: u32 = 20;
const SEEDS: u64 = 100;

/// Fills the low queue.
fn backlog() -> Vec<Task<()>> {
    let polls = (0..BACKLOG).map(|_| spawn_task!(async { work(MS) }));
    polls.collect()
}

/// How long a high task waits for the end of the work.
async fn high_wait(wait: Wait<u32>) -> Duration {
    let handler = async {
        let called = now();
        assert_eq!(wait.await, WorkStatus::Done);
        now() - called
    };
    spawn_task!(handler, Priority::High).await
}

/// The shortest and the longest time over all seeds, with a worker for each queue that never
/// helps the other.
#[track_caller]
fn assert_takes<F>(measured: impl Fn() -> F, expected: RangeInclusive<u32>)
where
    F: Future<Output = Duration> + Send + 'static,
{
    for seed in 0..SEEDS {
        let sim = Sim::seed(seed).high(1).low(1).stealing(Stealing::None);
        let took = sim.run(measured()).unwrap().output;
        let expected = *expected.start() * MS..=*expected.end() * MS;
        assert!(expected.contains(&took), "{took:?} with seed {seed}");
    }
}

fn quick() -> Work<u32> {
    Work::future(async |_| {
        yield_now().await;
        1
    })
}

/// Submits work behind a backlog.
fn behind_a_backlog(queue: &TaskQueue<u32>) -> (Vec<Task<()>>, WorkId) {
    (backlog(), queue.submit(quick()).unwrap())
}

#[test]
fn a_high_wait_leaves_the_work_behind_the_low_backlog() {
    assert_takes(
        || async {
            let queue = TaskQueue::bounded(8);
            let (_backlog, id) = behind_a_backlog(&queue);
            high_wait(queue.wait(id)).await
        },
        BACKLOG - 1..=BACKLOG + 1,
    );
}

#[test]
fn a_high_wait_that_asks_for_it_raises_the_work() {
    assert_takes(
        || async {
            let queue = TaskQueue::bounded(8);
            let (_backlog, id) = behind_a_backlog(&queue);
            high_wait(queue.wait(id).raising()).await
        },
        0..=1,
    );
}

/// Work that waits for a message when the backlog comes.
async fn running(raise: fn(Wait<u32>) -> Wait<u32>) -> Duration {
    let queue = TaskQueue::bounded(8);
    let (open, gate) = async_channel::bounded::<()>(1);
    let waits = Work::future(async move |_| {
        gate.recv().await.unwrap();
        yield_now().await;
        1
    });
    let id = queue.submit(waits).unwrap();
    sleep(MS).await;
    let waits = spawn_task!(high_wait(raise(queue.wait(id))), Priority::High);
    sleep(MS).await;
    let _backlog = backlog();
    open.send(()).await.unwrap();
    waits.await
}

#[test]
fn running_work_is_raised_only_if_it_is_asked_for() {
    assert_takes(|| running(|wait| wait), BACKLOG..=2 * BACKLOG + 2);
    assert_takes(|| running(Wait::raising), 0..=2);
}

#[test]
fn raised_work_goes_before_all_that_nobody_has_raised() {
    for seed in 0..SEEDS {
        let sim = Sim::seed(seed).high(1).low(1);
        let run = sim.run(async {
            let queue = TaskQueue::bounded(8);
            let stuck = Work::future(async |_| {
                sleep(5 * MS).await;
                0
            });
            let first = queue.submit(stuck).unwrap();
            sleep(MS).await;
            let ids = [1, 2, 3].map(|_| queue.submit(quick()).unwrap());
            let waits = spawn_task!(high_wait(queue.wait(ids[2]).raising()), Priority::High);
            sleep(MS).await;
            let ahead = ids.map(|id| queue.status(id));
            let expected = [1, 2, 0].map(|ahead| WorkStatus::Queued { ahead });
            assert_eq!(ahead, expected);
            waits.await;
            assert_eq!(queue.status(first), WorkStatus::Done);
            for id in ids {
                assert_eq!(queue.wait(id).await, WorkStatus::Done);
            }
        });
        run.unwrap();
    }
}

#[test]
fn raised_work_leaves_the_next_work_in_the_low_lane() {
    assert_takes(
        || async {
            let queue = TaskQueue::bounded(8);
            let first = queue.submit(quick()).unwrap();
            high_wait(queue.wait(first).raising()).await;
            let (_backlog, id) = behind_a_backlog(&queue);
            high_wait(queue.wait(id)).await
        },
        BACKLOG - 1..=BACKLOG + 1,
    );
}
