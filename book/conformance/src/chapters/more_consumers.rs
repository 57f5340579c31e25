//! Chapter 3: several consumers of one queue.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::tools::{Door, Meeting, Opens, checks, next, pause};
use crate::{Check, Runtime};

checks!(3:
    has_more_than_one_consumer,
    runs_as_many_tasks_at_once_as_it_has_consumers,
    goes_on_beside_a_task_that_blocks,
    keeps_a_task_that_wakes_itself_in_one_hand,
    keeps_a_consumer_that_is_woken_in_vain,
    has_no_more_consumers_than_it_says,
    has_a_sleep_that_leaves_its_thread,
);

fn has_more_than_one_consumer<R: Runtime>() {
    assert!(R::consumers() >= 2, "{} consumers", R::consumers());
}

/// The tasks block until all of them run: no other thread lets them go on.
fn runs_as_many_tasks_at_once_as_it_has_consumers<R: Runtime>() {
    let count = R::consumers();
    let met = Check::ends("all consumers to run a task each", move || {
        let meeting = Meeting::of(count);
        let attend = || {
            let meeting = meeting.clone();
            R::spawn(async move { meeting.attend() })
        };
        let tasks: Vec<_> = (0..count).map(|_| attend()).collect();
        R::block_on(async {
            let mut met = true;
            for task in tasks {
                met &= task.await;
            }
            met
        })
    });
    assert!(met, "{count} tasks did not run at once");
}

fn goes_on_beside_a_task_that_blocks<R: Runtime>() {
    let door = Door::default();
    let _opens = Opens(door.clone());
    let (sender, blocked) = mpsc::channel();
    let blocks = R::spawn(async move {
        sender.send(()).expect("the check waits");
        door.wait();
    });
    next(&blocked, "a task to block its consumer");
    Check::ends("a task beside one that blocks", || {
        R::block_on(R::spawn(async {}))
    });
    drop(blocks);
}

/// The task wakes itself once for each consumer and stays in its poll. Where each wake-up queues it,
/// it is in the queue for all other consumers, and they wait for the end of that poll.
fn keeps_a_task_that_wakes_itself_in_one_hand<R: Runtime>() {
    let door = Door::default();
    let _opens = Opens(door.clone());
    let (sender, blocked) = mpsc::channel();
    let wakes = R::consumers();
    let blocks = R::spawn(poll_fn(move |cx| {
        (0..wakes).for_each(|_| cx.waker().wake_by_ref());
        // The check may have given up.
        let _ = sender.send(());
        door.wait();
        Poll::Ready(())
    }));
    next(&blocked, "a task to block its consumer");
    Check::ends("a task beside one that has woken itself and blocks", || {
        R::block_on(R::spawn(async {}))
    });
    drop(blocks);
}

/// A task spawns another and ends at once. The new one wakes a consumer, and before that consumer is
/// awake, the one that ran the first task has most often taken the new one. Where a consumer does not
/// look once more before it takes, it ends here.
fn keeps_a_consumer_that_is_woken_in_vain<R: Runtime>() {
    for _ in 0..200 {
        let (sender, ran) = mpsc::channel();
        // The handle of the new task is the output, since to drop it would cancel that task.
        let spawns = R::spawn(async move {
            // The check may have given up.
            let new = async move { sender.send(()).unwrap_or_default() };
            Some(R::spawn(new))
        });
        next(&ran, "a task that a task has spawned as it ended");
        drop(spawns);
        // All consumers lie down again.
        pause(Duration::from_millis(1));
    }
    runs_as_many_tasks_at_once_as_it_has_consumers::<R>();
}

/// As many tasks as there are consumers block. One more consumer would take the task behind them.
fn has_no_more_consumers_than_it_says<R: Runtime>() {
    let count = R::consumers();
    let door = Door::default();
    let opens = Opens(door.clone());
    let (sender, blocked) = mpsc::channel();
    let block = |_| {
        let (sender, door) = (sender.clone(), door.clone());
        R::spawn(async move {
            // The check may have given up.
            let _ = sender.send(());
            door.wait();
        })
    };
    let blocks: Vec<_> = (0..count).map(block).collect();
    (0..count).for_each(|_| next(&blocked, "all consumers to run a task each"));
    let (sender, taken) = mpsc::channel();
    let behind = R::spawn(async move { sender.send(()).unwrap_or_default() });
    // Time enough for a consumer too many, also on a busy machine.
    let by_another = taken.recv_timeout(Duration::from_millis(300)).is_ok();
    drop(opens);
    drop((blocks, behind));
    assert!(
        !by_another,
        "all {count} consumers block, and one more has taken a task"
    );
}

/// A poll that sleeps itself would be ready at once. So would one that comes so late, on a busy
/// machine, that the sleep is over: hence several sleeps.
fn has_a_sleep_that_leaves_its_thread<R: Runtime>() {
    let mut times = [100, 400, 1_600].map(Duration::from_millis).into_iter();
    let leaves = times.any(|time| polls_of_a_sleep::<R>(time).is_none_or(|polls| polls > 1));
    assert!(
        leaves,
        "the first poll of a sleep kept its thread until the end"
    );
}

/// How often a sleep was polled, where the step has one.
fn polls_of_a_sleep<R: Runtime>(time: Duration) -> Option<u32> {
    let begin = Instant::now();
    let sleep = R::sleep(time)?;
    let polls = Check::ends("a sleep: is its waker called?", move || {
        let mut polls = 0;
        let mut sleep = pin!(sleep);
        R::block_on(poll_fn(|cx| {
            polls += 1;
            sleep.as_mut().poll(cx)
        }));
        polls
    });
    let took = begin.elapsed();
    assert!(took >= time, "a sleep of {time:?} was over after {took:?}");
    Some(polls)
}
