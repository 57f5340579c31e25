//! Does a high task that waits for a low one wait behind the whole low queue?
//!
//! Priority inversion, in simulated time: a low task has three polls to go when a high task waits
//! for it, and the low queue holds twenty polls of a millisecond each. Each time that the low
//! task is scheduled as one, it goes behind all that is there.

mod common;

use std::future::Future;
use std::ops::RangeInclusive;
use std::time::Duration;

use laneway::sim::{Sim, work};
use laneway::time::{now, sleep};
use laneway::{Priority, Stealing, Task, TaskGroup, join, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);
const BACKLOG: u32 = 20;
const SEEDS: u64 = 200;

type Receiver = async_channel::Receiver<()>;

/// Makes a high task that waits for a low one, given the low one and a channel that is closed
/// when it has ended.
type Wait = fn(Task<()>, Receiver) -> Task<()>;

/// How long a high task waits for a low one.
async fn wait_behind_backlog(wait: Wait) -> Duration {
    let (open, gate) = async_channel::bounded(1);
    let (done, ended) = async_channel::bounded(1);
    let low = spawn_task!(async move {
        gate.recv().await.unwrap();
        yield_now().await;
        yield_now().await;
        drop(done);
    });
    let high = wait(low, ended);
    // Until all of them wait.
    sleep(MS).await;
    let started = now();
    let backlog: Vec<_> = (0..BACKLOG)
        .map(|_| spawn_task!(async { work(MS) }))
        .collect();
    open.send(()).await.unwrap();
    high.await;
    let waited = now() - started;
    drop(backlog);
    waited
}

/// The shortest and the longest wait over all seeds, with a worker for each queue.
#[track_caller]
fn assert_waits(stealing: Stealing, wait: Wait, expected: RangeInclusive<u32>) {
    let waited = (0..SEEDS).map(|seed| {
        let sim = Sim::seed(seed).high(1).low(1).stealing(stealing);
        sim.run(wait_behind_backlog(wait)).unwrap().output
    });
    let (least, most) = waited.fold((Duration::MAX, Duration::ZERO), |(least, most), waited| {
        (least.min(waited), most.max(waited))
    });
    let expected = *expected.start() * MS..=*expected.end() * MS;
    assert!(
        expected.contains(&least) && expected.contains(&most),
        "{least:?} to {most:?} under {stealing:?}"
    );
}

/// Waits without telling for whom, so that nobody is raised.
fn by_channel(low: Task<()>, ended: Receiver) -> Task<()> {
    low.detach();
    spawn_task!(
        async move {
            ended.recv().await.unwrap_err();
        },
        Priority::High
    )
}

#[test]
fn without_escalation_the_wait_takes_the_whole_backlog() {
    assert_waits(Stealing::None, by_channel, BACKLOG..=BACKLOG);
    assert_waits(Stealing::LowFromHigh, by_channel, BACKLOG..=BACKLOG);
    // With the high worker's help, half of it; the low task itself may be one of its polls.
    assert_waits(Stealing::Both, by_channel, BACKLOG / 2 - 1..=BACKLOG / 2);
}

#[test]
fn a_high_task_that_awaits_a_low_one_does_not_wait_behind_the_backlog() {
    assert_short_for_all(|low, _| spawn_task!(low, Priority::High));
}

#[test]
fn nor_does_one_that_joins() {
    assert_short_for_all(|low, _| spawn_task!(async { drop(join!(low)) }, Priority::High));
}

#[test]
fn nor_does_one_that_waits_for_a_group() {
    assert_short_for_all(|low, _| {
        let waits = async move {
            let mut group = TaskGroup::new();
            group.insert(low);
            group.join_next().await.unwrap().unwrap();
        };
        spawn_task!(waits, Priority::High)
    });
}

#[test]
fn nor_does_one_that_waits_for_a_task_raised_by_hand() {
    assert_short_for_all(|low, ended| {
        low.escalate();
        by_channel(low, ended)
    });
}

#[test]
fn nor_does_one_that_awaits_a_low_task_that_awaits_it() {
    // Five low ones in between, which all wait already when the high one comes.
    assert_short_for_all(|low, _| {
        let chain = (0..5).fold(low, |next, _| spawn_task!(next));
        spawn_task!(
            async {
                sleep(MS / 2).await;
                chain.await;
            },
            Priority::High
        )
    });
}

/// The poll of the backlog that is under way may have to end first.
#[track_caller]
fn assert_short_for_all(wait: Wait) {
    for stealing in [
        Stealing::Both,
        Stealing::HighFromLow,
        Stealing::LowFromHigh,
        Stealing::None,
    ] {
        assert_waits(stealing, wait, 0..=3);
    }
}

/// A task that is raised in the middle of its first poll can be found by nothing but its own poll. It
/// must see that when it begins to wait, however many others were raised meanwhile.
#[test]
fn a_raise_in_the_middle_of_a_first_poll_is_not_lost_among_a_thousand() {
    let (begin, begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (open, gate) = async_channel::bounded::<()>(1);
    let rt = laneway::Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.with_stealing(Stealing::None).build().unwrap();

    let child = rt.spawn(async move { gate.recv().await.unwrap() }, Priority::Low);
    let child = std::sync::Arc::new(std::sync::Mutex::new(Some(child)));
    let awaited = child.clone();
    let parent = rt.spawn(
        async move {
            begin.send(()).unwrap();
            released.recv().unwrap();
            std::future::poll_fn(|cx| {
                let mut child = awaited.lock().unwrap();
                std::pin::Pin::new(child.as_mut().unwrap()).poll(cx)
            })
            .await;
        },
        Priority::Low,
    );
    begun.recv().unwrap();
    parent.escalate();
    let others: Vec<_> = (0..1000)
        .map(|_| rt.spawn(async {}, Priority::Low))
        .collect();
    others.iter().for_each(Task::escalate);
    release.send(()).unwrap();
    common::eventually("the child is raised", || {
        child.lock().unwrap().as_ref().unwrap().priority() == Priority::High
    });
    open.send_blocking(()).unwrap();
    rt.block_on(parent);
}
