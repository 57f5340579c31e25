//! The alarm under the model checker: a thread that is woken comes back to poll, and sees why.
//!
//! The value that a bringer brings is written and read without any order of its own, so that it
//! arrives by the alarm or not at all. A lost wake-up shows as a deadlock, which loom reports.

use std::future::poll_fn;
use std::pin::pin;

use loom::thread::JoinHandle;

use super::*;
use crate::ground::sync::check;

/// How a thread waits between two polls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    AsShipped,
    /// The flag is cleared after the poll that follows, instead of before it.
    ClearsLate,
    /// Once unparked, it takes that for its wake-up and does not look at the flag.
    TrustsTheToken,
}

/// Polls on this thread until `poll` says that it is done.
fn block(wait: Wait, mut poll: impl FnMut(&Waker) -> bool) {
    if wait == Wait::AsShipped {
        let ready = |done| if done { Poll::Ready(()) } else { Poll::Pending };
        block_here(pin!(poll_fn(|cx| ready(poll(cx.waker())))));
        return;
    }
    let alarm = Arc::new(Alarm::new());
    let waker = Waker::from(alarm.clone());
    while !poll(&waker) {
        if wait == Wait::ClearsLate {
            alarm.rung.store(false, Ordering::Relaxed);
            while !alarm.rung.load(Ordering::Acquire) {
                thread::park();
            }
        } else {
            thread::park();
        }
    }
}

/// Something that another thread brings.
#[derive(Clone)]
struct Parcel(Arc<AtomicBool>);

impl Parcel {
    fn new() -> Parcel {
        Parcel(Arc::new(AtomicBool::new(false)))
    }

    fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Starts a thread that brings it and wakes the thread that waits.
    fn bring(&self, waker: &Waker) -> JoinHandle<()> {
        let (parcel, waker) = (self.clone(), waker.clone());
        loom::thread::spawn(move || {
            parcel.0.store(true, Ordering::Relaxed);
            waker.wake();
        })
    }
}

/// One thread waits for the parcels of several others.
fn wait_for(bringers: usize, wait: Wait) {
    let parcels: Vec<_> = (0..bringers).map(|_| Parcel::new()).collect();
    let mut threads = Vec::new();
    block(wait, |waker| {
        if threads.is_empty() {
            threads.extend(parcels.iter().map(|parcel| parcel.bring(waker)));
        }
        parcels.iter().all(Parcel::has_come)
    });
    join(threads);
}

/// A future that, once it has seen that its parcel has not come, blocks on another one before its
/// poll ends. The thread has one token, and two alarms that set it.
fn wait_inside_a_wait(wait: Wait) {
    let (outer, inner) = (Parcel::new(), Parcel::new());
    let mut threads = Vec::new();
    block(wait, |waker| {
        let has_come = outer.has_come();
        if threads.is_empty() {
            threads.push(outer.bring(waker));
            let mut begun = None;
            block(wait, |waker| {
                begun.get_or_insert_with(|| inner.bring(waker));
                inner.has_come()
            });
            threads.extend(begun);
        }
        has_come
    });
    join(threads);
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("a bringer only brings");
    }
}

#[test]
fn no_wake_up_is_lost() {
    check(5, || wait_for(1, Wait::AsShipped));
}

/// The second finds the flag set and unparks no thread.
#[test]
fn two_wake_ups_at_once_are_as_good_as_one() {
    check(4, || wait_for(2, Wait::AsShipped));
}

#[test]
fn an_alarm_within_an_alarm_takes_no_wake_up_from_it() {
    check(3, || wait_inside_a_wait(Wait::AsShipped));
}

/// A token is left of a wake-up that came before the thread parked.
#[test]
fn a_stale_token_is_not_taken_for_a_wake_up() {
    check(5, || {
        thread::current().unpark();
        let alarm = Arc::new(Alarm::new());
        let parcel = Parcel::new();
        let bringer = parcel.bring(&Waker::from(alarm.clone()));
        alarm.wait();
        assert!(parcel.has_come());
        bringer.join().expect("a bringer only brings");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_flag_cleared_too_late_loses_a_wake_up() {
    check(4, || wait_for(2, Wait::ClearsLate));
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_trusts_the_token_loses_a_wake_up_to_an_alarm_within() {
    check(3, || wait_inside_a_wait(Wait::TrustsTheToken));
}
