//! Does the step do what the text says of it?

use chapter_08::{BuildError, Priority, Runtime, join, spawn_task};

#[test]
fn the_defaults_make_a_runtime_on_this_machine() {
    assert_eq!(Runtime::new().check(), Ok(()));
    assert_eq!(Runtime::new().low, 1);
}

#[test]
fn a_queue_without_a_consumer_is_refused() {
    let high = Runtime::new().with_high_num(0).check();
    assert_eq!(high, Err(BuildError::NoConsumer(Priority::High)));
    let low = Runtime::new().with_low_num(0).check();
    assert_eq!(low, Err(BuildError::NoConsumer(Priority::Low)));
}

#[test]
fn what_is_refused_starts_nothing_and_what_runs_is_not_changed() {
    let refused = Runtime::new().with_low_num(0).try_run();
    assert_eq!(refused, Err(BuildError::NoConsumer(Priority::Low)));
    assert_eq!(join!(spawn_task!(async { 1 })), [1]);
    let before = Runtime::configuration();
    let late = Runtime::new().with_high_num(before.high + 1).try_run();
    assert_eq!(late, Err(BuildError::AlreadyRunning));
    assert_eq!(Runtime::configuration(), before);
}
