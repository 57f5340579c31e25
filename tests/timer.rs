//! Does the timer hold what sleeps, and nothing else?
//!
//! One test in a process of its own, since it counts for the whole process.

mod common;

use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use common::eventually;
use laneway::time::{Sleep, armed, sleep, timeout};

#[test]
fn the_timer_holds_what_sleeps_and_nothing_else() {
    let hour = Duration::from_secs(3600);
    let mut cx = Context::from_waker(Waker::noop());
    let mut sleeps: Vec<Sleep> = (0..10_000).map(|_| sleep(hour)).collect();
    assert_eq!(armed(), 0, "a sleep is armed when it is first polled");
    for sleep in &mut sleeps {
        assert!(Pin::new(sleep).poll(&mut cx).is_pending());
    }
    assert_eq!(armed(), 10_000);

    sleeps.truncate(7_000);
    assert_eq!(armed(), 7_000, "a dropped sleep leaves nothing behind");
    for sleep in &mut sleeps[..1_000] {
        sleep.reset(std::time::Instant::now() + hour);
    }
    assert_eq!(armed(), 7_000, "one that is set anew waits on, once");
    laneway::block_on(timeout(hour, ready(()))).expect("ready at once");
    laneway::block_on(sleep(Duration::from_millis(2)));
    assert_eq!(armed(), 7_000, "a sleep that has ended is gone");
    if cfg!(target_os = "linux") {
        // A thread takes its name itself, as the first thing it does.
        eventually("there is one timer thread", || timer_threads() == 1);
    }
    drop(sleeps);
    assert_eq!(armed(), 0);
}

/// The threads of this process that bear the timer's name.
fn timer_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux lists the threads");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok()
    };
    let named = |name: &String| name.trim() == "laneway-timer";
    threads.filter_map(name).filter(named).count()
}
