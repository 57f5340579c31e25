//! The current thread as Linux knows it: its niceness, its core, and with the feature `slices` its
//! slices of that.

#[cfg_attr(not(feature = "slices"), path = "slices_left_alone.rs")]
mod slices;
mod starter;

use std::cell::Cell;
use std::io;
use std::time::Duration;

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use slices::{HAS_SHORT_SLICES, shorten_slices};
pub(crate) use starter::{keep_niceness, spawn};

/// Whether niceness can be set for one thread.
pub(crate) const HAS_NICENESS: bool = true;

thread_local! {
    /// Whether this thread gives way to others, as far as this file has seen to it.
    static IS_NICE: Cell<bool> = const { Cell::new(false) };
}

/// Makes the thread this nice to all others. Raising it needs no privilege.
pub(crate) fn set_niceness(niceness: u8) -> io::Result<()> {
    rustix::process::setpriority_process(Some(gettid()), niceness.into())?;
    IS_NICE.set(niceness > 0);
    Ok(())
}

/// How nice the thread is, by whatever it became so.
fn niceness() -> i32 {
    // The system refuses to tell of threads that do not exist, and of no other.
    rustix::process::getpriority_process(Some(gettid())).unwrap_or(0)
}

/// Whether the thread has been made nice.
pub(crate) fn is_nice() -> bool {
    IS_NICE.get()
}

/// The processor time that the thread has used.
pub(crate) fn processor_time() -> Option<Duration> {
    clock_gettime(ClockId::ThreadCPUTime).try_into().ok()
}

/// The number of the core that the thread runs on. The thread may have moved by the time the number
/// is read.
pub(crate) fn core() -> Option<usize> {
    Some(sched_getcpu())
}

/// Moves the thread to a core, if the system lets it. The thread stays there until the system has a
/// reason to move it.
///
/// It logs nothing: the caller may be in a place where a logger of the user's must not run.
pub(crate) fn move_to_core(core: usize) {
    let _stays_where_it_is = move_by(core, |cores| sched_setaffinity(None, cores));
}

/// Moves the thread away from a core, if the system lets it run on another one. All else is as
/// [`move_to_core`] has it.
pub(crate) fn leave_core(core: usize) {
    let _stays_where_it_is = leave_by(core, |cores| sched_setaffinity(None, cores));
}

fn move_by(core: usize, set: impl Fn(&CpuSet) -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    narrow_for_a_moment(&sched_getaffinity(None)?, &only, set)
}

fn leave_by(
    core: usize,
    set: impl Fn(&CpuSet) -> rustix::io::Result<()>,
) -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut others = allowed;
    others.unset(core);
    narrow_for_a_moment(&allowed, &others, set)
}

/// The thread is where the narrow set has it from when that is set.
fn narrow_for_a_moment(
    allowed: &CpuSet,
    narrow: &CpuSet,
    set: impl Fn(&CpuSet) -> rustix::io::Result<()>,
) -> rustix::io::Result<()> {
    set(narrow)?;
    // The old set may no longer be allowed; the system narrows the set of all cores to the allowed
    // ones.
    set(allowed).or_else(|_changed_meanwhile| set(&every_core()))
}

fn every_core() -> CpuSet {
    let mut every = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| every.set(core));
    every
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_moved_may_go_where_it_might_before() {
        let allowed = sched_getaffinity(None).unwrap();
        let cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        for core in cores {
            move_by(core, |cores| sched_setaffinity(None, cores)).unwrap();
            assert!(sched_getaffinity(None).unwrap() == allowed);
        }
    }

    #[test]
    fn a_thread_whose_cores_cannot_be_put_back_may_go_anywhere() {
        let allowed = sched_getaffinity(None).unwrap();
        let core = (0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core));
        let refuses_once = std::cell::Cell::new(0);
        let set = |cores: &CpuSet| match refuses_once.replace(refuses_once.get() + 1) {
            1 => Err(rustix::io::Errno::INVAL),
            _ => sched_setaffinity(None, cores),
        };
        move_by(core.unwrap(), set).unwrap();
        assert!(sched_getaffinity(None).unwrap() == allowed);
    }

    #[test]
    fn a_core_that_does_not_exist_moves_nobody() {
        let allowed = sched_getaffinity(None).unwrap();
        let set = |cores: &CpuSet| sched_setaffinity(None, cores);
        move_by(CpuSet::MAX_CPU - 1, set).unwrap_err();
        assert!(sched_getaffinity(None).unwrap() == allowed);
    }

    #[test]
    fn a_thread_leaves_a_core_for_another_and_may_come_back() {
        const TIMES: usize = 20;

        let allowed = sched_getaffinity(None).unwrap();
        let cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        if allowed.count() == 1 {
            return eprintln!("skipped: this process has one core");
        }
        for core in cores {
            // The system may move a thread at any moment, but hardly ever does within microseconds.
            let left = (0..TIMES).filter(|_| {
                move_to_core(core);
                leave_core(core);
                super::core() != Some(core)
            });
            let left = left.count();
            assert!(left > TIMES / 2, "{left} of {TIMES} times");
            assert!(sched_getaffinity(None).unwrap() == allowed);
        }
    }

    #[test]
    fn a_thread_that_may_run_on_one_core_alone_stays_there() {
        let stay = || {
            let allowed = sched_getaffinity(None).unwrap();
            let core = (0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core));
            let mut only = CpuSet::new();
            only.set(core.unwrap());
            sched_setaffinity(None, &only).unwrap();
            leave_core(core.unwrap());
            assert!(sched_getaffinity(None).unwrap() == only);
        };
        std::thread::spawn(stay).join().unwrap();
    }

    #[test]
    fn only_a_thread_that_was_made_nice_counts_as_nice() {
        let nice = |niceness| {
            let made_nice = move || {
                set_niceness(niceness).unwrap();
                is_nice()
            };
            std::thread::spawn(made_nice).join().unwrap()
        };
        assert!(nice(19));
        assert!(!nice(0));
        assert!(!is_nice());
    }
}
