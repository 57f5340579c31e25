//! The watchdog's doze under the model checker: it never sleeps while a worker is up.
//!
//! The worker here is a flag that says whether it is up. A watchdog that sleeps on shows as a
//! deadlock, which loom reports.

// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

use super::*;
use crate::ground::sync::{check, fence};

/// The protocol as it is, or with one of its rules left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// A worker that was parked for a moment only, and took itself back, does not say so.
    KeepsQuiet,
    /// A worker asks whether the watchdog dozes before it is awake.
    AsksTooEarly,
    /// The watchdog is woken without its lock.
    WakesUnlocked,
    /// The watchdog looks at the workers before it shows that it dozes.
    LooksTooEarly,
}

/// A runtime with one worker.
struct Model {
    watchdog: Watchdog,
    up: AtomicBool,
    protocol: Protocol,
}

impl Model {
    fn new(protocol: Protocol, up: bool) -> Arc<Model> {
        Arc::new(Model {
            watchdog: Watchdog::default(),
            up: AtomicBool::new(up),
            protocol,
        })
    }

    /// The watchdog's side, after enough quiet looks to doze off.
    fn doze(&self) -> Orders {
        let everyone_slept = self.all_parked();
        self.watchdog.doze(|| match self.protocol {
            Protocol::LooksTooEarly => everyone_slept,
            _ => self.all_parked(),
        })
    }

    fn all_parked(&self) -> bool {
        // This makes the look at the census sequentially consistent for loom.
        fence(Ordering::SeqCst);
        !self.up.load(Ordering::Relaxed)
    }

    /// The worker's side, as `Threads::park`.
    fn cancel_parking(&self) {
        if self.protocol == Protocol::AsksTooEarly {
            self.wake_up();
        }
        self.up.store(true, Ordering::Release);
        // This makes the change of the census sequentially consistent for loom.
        fence(Ordering::SeqCst);
        if self.protocol != Protocol::AsksTooEarly {
            self.wake_up();
        }
    }

    /// Parks and takes itself back.
    fn park_for_a_moment(&self) {
        self.up.store(false, Ordering::Release);
        fence(Ordering::SeqCst);
        match self.protocol {
            Protocol::KeepsQuiet => self.up.store(true, Ordering::Release),
            _ => self.cancel_parking(),
        }
    }

    fn wake_up(&self) {
        if self.protocol != Protocol::WakesUnlocked {
            self.watchdog.wake_up();
        } else if self.watchdog.dozing.load(Ordering::SeqCst) {
            self.watchdog.changed.notify_one();
        }
    }
}

/// The watchdog dozes off while the only worker does something at whose end it is up.
fn doze_while(protocol: Protocol, up: bool, worker: fn(&Model)) {
    let model = Model::new(protocol, up);
    let other = model.clone();
    let worker = loom::thread::spawn(move || worker(&other));
    assert_eq!(model.doze(), Orders::Watch);
    worker.join().expect("nothing panics in the model");
    assert!(!model.watchdog.dozing.load(Ordering::Relaxed));
}

#[test]
fn the_watchdog_wakes_up_with_the_first_worker() {
    check(5, || {
        doze_while(Protocol::Whole, false, Model::cancel_parking)
    });
}

#[test]
fn the_watchdog_is_not_deceived_by_a_worker_that_parks_for_a_moment() {
    check(5, || {
        doze_while(Protocol::Whole, true, Model::park_for_a_moment);
    });
}

#[test]
fn two_workers_that_are_unparked_at_once_wake_the_watchdog() {
    check(4, || {
        let model = Model::new(Protocol::Whole, false);
        let workers = [model.clone(), model.clone()]
            .map(|model| loom::thread::spawn(move || model.cancel_parking()));
        assert_eq!(model.doze(), Orders::Watch);
        for worker in workers {
            worker.join().expect("nothing panics in the model");
        }
    });
}

#[test]
fn a_watchdog_that_dozes_off_is_stopped() {
    check(5, || {
        let model = Model::new(Protocol::Whole, false);
        let other = model.clone();
        let stops = loom::thread::spawn(move || other.watchdog.stop());
        assert_eq!(model.doze(), Orders::Stop);
        stops.join().expect("nothing panics in the model");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_keeps_quiet_leaves_the_watchdog_asleep() {
    check(5, || {
        doze_while(Protocol::KeepsQuiet, true, Model::park_for_a_moment);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_asks_too_early_leaves_the_watchdog_asleep() {
    check(5, || {
        doze_while(Protocol::AsksTooEarly, false, Model::cancel_parking)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn woken_without_the_lock_the_watchdog_sleeps_on() {
    check(5, || {
        doze_while(Protocol::WakesUnlocked, false, Model::cancel_parking)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_watchdog_that_looks_too_early_sleeps_on() {
    check(5, || {
        doze_while(Protocol::LooksTooEarly, false, Model::cancel_parking)
    });
}
