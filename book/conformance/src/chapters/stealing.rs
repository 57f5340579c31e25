//! Chapter 5: consumers that have nothing to do take tasks from the other queue.

use crate::tools::{Meeting, checks};
use crate::{Check, Priority, Runtime};

checks!(5:
    high_consumers_take_low_tasks,
    low_consumers_take_high_tasks,
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
