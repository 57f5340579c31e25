//! What Linux can be told and asked about the current thread: its niceness and its core.

use std::cell::Cell;

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Whether niceness can be set for one thread.
pub(crate) const HAS_NICENESS: bool = true;

thread_local! {
    /// Whether this thread gives way to others, as far as this file has seen to it.
    static IS_NICE: Cell<bool> = const { Cell::new(false) };
}

/// Makes the thread this nice to all others. Raising it needs no privilege.
pub(crate) fn set_niceness(niceness: u8) {
    match rustix::process::setpriority_process(Some(gettid()), niceness.into()) {
        Ok(()) => IS_NICE.set(niceness > 0),
        Err(error) => {
            log::warn!("could not set a worker thread's niceness to {niceness}: {error}");
        }
    }
}

/// Whether the thread has been made nice.
pub(crate) fn is_nice() -> bool {
    IS_NICE.get()
}

/// The number of the core that the thread runs on. By the time it is read, it may be another.
pub(crate) fn core() -> Option<usize> {
    Some(sched_getcpu())
}

/// Moves the thread to a core. It stays there until the system has a reason to move it.
pub(crate) fn move_to_core(core: usize) {
    if let Err(error) = try_move_to_core(core) {
        log::debug!("could not move a worker thread to core {core}: {error}");
    }
}

fn try_move_to_core(core: usize) -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)?;
    sched_setaffinity(None, &allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_moved_may_go_where_it_might_before() {
        let allowed = sched_getaffinity(None).unwrap();
        let cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        for core in cores {
            try_move_to_core(core).unwrap();
            assert!(sched_getaffinity(None).unwrap() == allowed);
        }
    }

    #[test]
    fn a_core_that_does_not_exist_moves_nobody() {
        let allowed = sched_getaffinity(None).unwrap();
        try_move_to_core(CpuSet::MAX_CPU - 1).unwrap_err();
        assert!(sched_getaffinity(None).unwrap() == allowed);
    }

    #[test]
    fn only_a_thread_that_was_made_nice_counts_as_nice() {
        let nice = |niceness| {
            let made_nice = move || {
                set_niceness(niceness);
                is_nice()
            };
            std::thread::spawn(made_nice).join().unwrap()
        };
        assert!(nice(19));
        assert!(!nice(0));
        assert!(!is_nice());
    }
}
