//! The slices of a core that the system gives to this thread.
//!
//! Linux hands them over by a call that rustix does not have. thread-priority makes it for the
//! policy of deadlines, and a flag says that the thread keeps the policy that it has.

use std::cell::Cell;
use std::time::Duration;

use thread_priority::unix::set_thread_priority_and_policy;
use thread_priority::{
    DeadlineFlags, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
};

use super::niceness;

/// Whether threads may ask for short slices.
pub(crate) const HAS_SHORT_SLICES: bool = true;

thread_local! {
    static ARE_SHORT: Cell<bool> = const { Cell::new(false) };
}

/// Whether the thread has asked for short slices.
pub(super) fn are_short() -> bool {
    ARE_SHORT.get()
}

/// The shortest slices that Linux grants.
const SHORT_SLICES: Duration = Duration::from_micros(100);

/// Linux's `SCHED_FLAG_KEEP_POLICY`: a call with it changes the settings of the policy that the
/// thread has, and not the policy.
const KEEP_POLICY: DeadlineFlags = DeadlineFlags::from_bits_retain(1 << 3);

/// Asks the system to give the thread its core in short slices (T41), so that a thread with longer
/// ones gives way to it as soon as it is woken: see "What do short slices do?" in DESIGN.md.
///
/// Does nothing where the thread's niceness is not 0, since the call would set it to 0. Systems
/// that know no such slices change nothing. Threads that this one starts have them as well, unless
/// `starter.rs` does it.
pub(crate) fn shorten_slices() {
    if niceness() != 0 {
        return;
    }
    ARE_SHORT.set(true);
    let this_thread = 0;
    // With the flag, these are no deadlines: the thread keeps its policy, for which the system
    // reads the first of the three as the slice.
    let slices = ThreadPriority::Deadline {
        runtime: SHORT_SLICES,
        deadline: Duration::ZERO,
        period: Duration::ZERO,
        flags: KEEP_POLICY,
    };
    let asked = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Deadline);
    let _keeps_its_slices = set_thread_priority_and_policy(this_thread, slices, asked);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::set_niceness;
    use super::*;

    /// A number from the system's notes of this thread. `None`: this system keeps no such notes.
    fn noted(name: &str) -> Option<u64> {
        let notes = fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = notes.lines().find(|line| line.starts_with(name))?;
        line.split(':').nth(1)?.trim().parse().ok()
    }

    /// The slice of a new thread of this niceness before and after it has asked for short ones, and
    /// its policy and niceness then.
    fn shortened(from: u8) -> (Option<u64>, Option<u64>, Option<u64>, i32) {
        let shorten = move || {
            set_niceness(from).unwrap();
            let before = noted("se.slice");
            shorten_slices();
            (before, noted("se.slice"), noted("policy"), niceness())
        };
        std::thread::spawn(shorten).join().unwrap()
    }

    #[test]
    fn a_thread_gets_short_slices_and_keeps_its_policy_and_its_niceness() {
        let (before, after, policy, niceness) = shortened(0);
        if before.is_none() {
            return eprintln!("skipped: this system tells of no slices");
        }
        assert_ne!(before, after);
        assert_eq!((after, policy, niceness), (Some(100_000), Some(0), 0));
    }

    #[test]
    fn a_nice_thread_keeps_its_slices_and_its_niceness() {
        let (before, after, _policy, niceness) = shortened(7);
        assert_eq!((after, niceness), (before, 7));
    }
}
