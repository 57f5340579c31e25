//! The call of the standby under the model checker, which runs it in every interleaving.
//!
//! A worker looks at home, finds nothing, and goes away into a poll that never ends, while a
//! bringer brings a piece of work. The standby, which `idle.rs` parks and unparks, has to get it. A
//! call that is lost shows as a deadlock, which loom reports.

use super::*;
use crate::executor::idle::{OtherSearchers, ParkingLot, Search};
use crate::executor::lookout::Claim;
use crate::executor::nearby::Nearby;
use crate::ids::{QueueId, WorkerId};
use crate::sync::check;
// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

const CREW: CrewId = CrewId(0);
const WORKER: WorkerId = WorkerId(0);

/// A worker that goes away, as it is, or with a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// It does not look for work afterwards.
    NoLookAfterwards,
    /// It looks, and only then notes that it goes away.
    LooksTooEarly,
    /// It looks, and leaves what it finds to whoever brought it.
    NoCall,
}

struct Model {
    parking_lot: ParkingLot,
    standby: Standby,
    work: AtomicUsize,
    protocol: Protocol,
}

impl Model {
    fn new(protocol: Protocol) -> Arc<Model> {
        Arc::new(Model {
            parking_lot: ParkingLot::new(&[1], Nearby::indifferent()),
            standby: Standby::new(CREW),
            work: AtomicUsize::new(0),
            protocol,
        })
    }

    fn bring(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        // loom treats sequentially consistent accesses as if they were weaker, fences as they are.
        fence(Ordering::SeqCst);
        self.call();
    }

    fn call(&self) {
        if let Some(crew) = self.standby.called() {
            self.parking_lot.unpark_one(&[crew], QueueId::HIGH);
        }
    }

    fn is_called(&self) -> bool {
        self.standby.called().is_some()
    }

    fn in_sight(&self) -> bool {
        self.work.load(Ordering::SeqCst) > 0
    }

    fn take(&self) -> bool {
        let lower = |work: usize| work.checked_sub(1);
        let (store, load) = (Ordering::SeqCst, Ordering::SeqCst);
        self.work.fetch_update(store, load, lower).is_ok()
    }

    /// The worker, which is away: it comes back, looks at home, and leaves again.
    fn come_and_go(&self) -> bool {
        self.standby.comes_back();
        // As at the end of a search, where `begin_parking` has it.
        fence(Ordering::SeqCst);
        self.leave_home()
    }

    /// The worker at home: whether it took the work itself.
    fn leave_home(&self) -> bool {
        if self.take() {
            self.standby.goes_away();
            return true;
        }
        let seen_early = self.in_sight();
        self.standby.goes_away();
        let has_work = match self.protocol {
            Protocol::Whole | Protocol::NoCall => self.in_sight(),
            Protocol::NoLookAfterwards => false,
            Protocol::LooksTooEarly => seen_early,
        };
        if has_work && self.protocol != Protocol::NoCall {
            self.call();
        }
        false
    }

    /// The worker that stands by, until it has taken a piece of work.
    fn stand_by(&self) {
        while !(self.is_called() && self.take()) {
            let others =
                self.parking_lot
                    .begin_parking(CREW, WORKER, QueueId::HIGH, Search::Uncounted);
            if others == OtherSearchers::None && self.is_called() && self.in_sight() {
                self.parking_lot.cancel_parking(CREW, WORKER);
            } else {
                self.parking_lot.park(
                    WORKER,
                    Claim::new(WORKER, QueueId::HIGH, Post::AtHome),
                    &mut Vec::new(),
                );
            }
            let _ = self.parking_lot.stop_searching(CREW);
        }
    }
}

fn work_comes_while_the_worker_leaves(protocol: Protocol) {
    work_comes_while(&Model::new(protocol), Model::leave_home);
}

/// A piece of work comes while the worker at home does something that ends with its leaving; one
/// more if it takes that itself.
fn work_comes_while(model: &Arc<Model>, leave: fn(&Model) -> bool) {
    let [at_home, standing_by] = [(); 2].map(|()| model.clone());
    let at_home = loom::thread::spawn(move || leave(&at_home));
    let standing_by = loom::thread::spawn(move || standing_by.stand_by());
    model.bring();
    if at_home.join().expect("the worker goes away") {
        model.bring();
    }
    standing_by.join().expect("the standby has work");
    assert!(!model.in_sight());
}

/// The standby was called before, and finds that it is not needed, or is.
fn work_comes_while_the_worker_comes_and_goes() {
    let model = Model::new(Protocol::Whole);
    model.standby.goes_away();
    work_comes_while(&model, Model::come_and_go);
}

#[test]
fn no_call_is_lost_on_a_worker_that_was_back_for_a_moment() {
    check(3, work_comes_while_the_worker_comes_and_goes);
}

#[test]
fn no_call_is_lost() {
    check(3, || work_comes_while_the_worker_leaves(Protocol::Whole));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_a_look_afterwards_a_call_is_lost() {
    check(3, || {
        work_comes_while_the_worker_leaves(Protocol::NoLookAfterwards)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_look_before_going_away_loses_a_call() {
    check(3, || {
        work_comes_while_the_worker_leaves(Protocol::LooksTooEarly)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_a_call_for_what_it_sees_work_is_left_behind() {
    check(3, || work_comes_while_the_worker_leaves(Protocol::NoCall));
}
