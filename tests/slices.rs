//! Which threads have short slices of a core? A thread reads the answer in the notes that Linux
//! keeps of it.

use std::fs;
use std::thread;

use laneway::blocking::unblock;
use laneway::{Priority, Runtime, Stealing};

/// A number from the system's notes of this thread. `None`: this system keeps no such notes.
fn noted(name: &str) -> Option<u64> {
    let notes = fs::read_to_string("/proc/thread-self/sched").ok()?;
    let line = notes.lines().find(|line| line.starts_with(name))?;
    line.split(':').nth(1)?.trim().parse().ok()
}

fn slice() -> Option<u64> {
    noted("se.slice")
}

#[test]
fn threads_that_take_high_tasks_alone_have_short_slices_and_no_others() {
    // 120: of niceness 0.
    if slice().is_none() || noted("prio") != Some(120) {
        return eprintln!("skipped: no slices are told of, or the whole program is nice");
    }
    let usual = thread::spawn(slice).join().unwrap();
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.with_stealing(Stealing::None).build().unwrap();
    let at = |priority| rt.block_on(rt.spawn(async { slice() }, priority));
    assert_eq!(at(Priority::High), Some(100_000));
    assert_eq!(at(Priority::Low), usual);
    let stealing = Runtime::builder().with_high_num(1).with_low_num(1);
    let stealing = stealing
        .with_stealing(Stealing::HighFromLow)
        .with_standby(0);
    let stealing = stealing.build().unwrap();
    let high = stealing.spawn(async { slice() }, Priority::High);
    assert_eq!(stealing.block_on(high), usual);
    let in_pool = async { unblock(slice).await };
    assert_eq!(rt.block_on(rt.spawn(in_pool, Priority::High)), usual);
}
