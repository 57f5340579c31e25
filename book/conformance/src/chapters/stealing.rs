//! Chapter 5: consumers that have nothing to do take tasks from the other queue.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::tools::{Door, Meeting, Opens, checks, next, pause, yield_now};
use crate::{Check, Priority, Runtime};

checks!(5:
    high_consumers_take_low_tasks,
    low_consumers_take_high_tasks,
    wakes_a_resting_consumer_for_a_task,
    looks_at_its_own_queue_before_the_other,
);

fn high_consumers_take_low_tasks<R: Runtime>() {
    all_consumers_run::<R>(Priority::Low);
}

fn low_consumers_take_high_tasks<R: Runtime>() {
    all_consumers_run::<R>(Priority::High);
}

/// As many tasks of one priority as there are consumers in all, each of which waits for the rest.
fn all_consumers_run<R: Runtime>(priority: Priority) {
    let count = R::consumers_of(Priority::High) + R::consumers_of(Priority::Low);
    let met = Check::ends("all consumers to take tasks of one queue", move || {
        let meeting = Meeting::of(count);
        let attend = || {
            let meeting = meeting.clone();
            R::spawn_at(async move { meeting.attend() }, priority)
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
    assert!(met, "{count} {priority:?} tasks did not run at once");
}

/// Blocks all consumers but one, and gives that one twenty tasks in each of the queues. In one of
/// them it is at home, and hears of a task while it rests.
fn wakes_a_resting_consumer_for_a_task<R: Runtime>() {
    let door = Door::default();
    let _opens = Opens(door.clone());
    let (sender, blocked) = mpsc::channel();
    let consumers = R::consumers_of(Priority::High) + R::consumers_of(Priority::Low);
    let block = || {
        let (sender, door) = (sender.clone(), door.clone());
        let task = async move {
            // The check may have given up.
            let _ = sender.send(());
            door.wait();
        };
        R::spawn_at(task, Priority::High)
    };
    let tasks: Vec<R::Task<()>> = (1..consumers).map(|_| block()).collect();
    for _ in &tasks {
        next(&blocked, "all consumers but one to be blocked");
    }
    let limit = 10 * R::nap();
    // A busy machine may be late once, and a consumer that naps is late each time.
    let mut queues = [Priority::High, Priority::Low].repeat(2).into_iter();
    let heard = queues.any(|priority| twenty_tasks::<R>(priority) < limit);
    assert!(
        heard,
        "twenty tasks took more than {limit:?}: they wait for naps"
    );
    drop(tasks);
}

/// How long twenty tasks take, each of which is spawned a moment after the last is done: time for
/// a consumer to find nothing and to rest.
fn twenty_tasks<R: Runtime>(priority: Priority) -> Duration {
    Check::ends("twenty tasks, one after another", move || {
        let begin = Instant::now();
        for _ in 0..20 {
            pause(R::nap() / 10);
            R::block_on(R::spawn_at(async {}, priority));
        }
        begin.elapsed()
    })
}

/// A high consumer takes five steps by itself. A low task was there first; both tasks have two turns.
fn looks_at_its_own_queue_before_the_other<R: Runtime>() {
    let Some((mut spawn, mut step)) = R::step_by_hand() else {
        return;
    };
    let (sender, turns) = mpsc::channel();
    for (name, priority) in [("low", Priority::Low), ("high", Priority::High)] {
        let turn = sender.clone();
        let task = async move {
            turn.send(name).expect("the check waits");
            yield_now().await;
            turn.send(name).expect("the check waits");
        };
        spawn(Box::pin(task), priority);
    }
    let ran: Vec<bool> = Check::ends("a step at two queues that may be empty", move || {
        (0..5).map(|_| step()).collect()
    });
    let turns: Vec<&str> = turns.try_iter().collect();
    assert_eq!(
        turns,
        ["high", "high", "low", "low"],
        "turns in five steps of a high consumer"
    );
    assert_eq!(
        ran,
        [true, true, true, true, false],
        "whether it ran a task, in five steps"
    );
}
