//! Which other mistakes at this step does the suite see?

use std::panic::catch_unwind;
use std::pin::Pin;

use async_task::{Runnable, Task};
use chapter_05::run_next;
use flume::Receiver;
use laneway_conformance::{Priority, Runtime, checks};

/// A step of a consumer, that tells whether it ran a task.
type Step = fn(&Receiver<Runnable>, &Receiver<Runnable>) -> bool;

/// A step by hand that is another one than the chapter's.
macro_rules! step {
    ($name:ident, $step:expr) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn step_by_hand() -> Option<(
                impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>, Priority) + 'static,
                impl FnMut() -> bool + Send + 'static,
            )> {
                let (high, high_tasks) = flume::unbounded();
                let (low, low_tasks) = flume::unbounded();
                let spawn = move |future, priority| match priority {
                    Priority::High => chapter_05::spawn_on(&high, future).detach(),
                    Priority::Low => chapter_05::spawn_on(&low, future).detach(),
                };
                let step: Step = $step;
                Some((spawn, move || step(&high_tasks, &low_tasks)))
            }
        }
    };
}

step!(OtherFirst, |own, other| run_next(other) || run_next(own));
step!(StealsOnAndOn, |own, other| {
    run_next(own) || (0..).take_while(|_| run_next(other)).count() > 0
});
step!(AsItIs, |own, other| run_next(own) || run_next(other));

/// Whether the check passes.
fn passes<R: Runtime>() -> bool {
    let name = "looks_at_its_own_queue_before_the_other";
    let checks = checks::<R>(5);
    let check = checks.iter().find(|check| check.name == name);
    catch_unwind(check.expect("there is such a check").run).is_ok()
}

#[test]
fn a_consumer_that_looks_at_the_other_queue_first_is_seen() {
    assert!(!passes::<OtherFirst>());
    assert!(passes::<AsItIs>());
}

#[test]
fn a_consumer_that_steals_more_than_one_poll_is_seen() {
    assert!(!passes::<StealsOnAndOn>());
}
