//! The way out of a thread that is to block, has a worker, and finds no other thread for it.
//!
//! It helps: between the polls of the future that it blocks on, it goes on as the worker, with
//! any task that is queued. Only tasks that a task on this stack waits for can then come to a halt
//! by it.

use std::future::Future;
use std::pin::Pin;

use super::alarm::{Alarm, block_with};
use crate::executor::worker::{InnerPolls, Step};
use crate::executor::{Bound, seat};
use crate::ground::poll::Room;

/// Runs a future on a thread on which a worker sits.
pub(super) fn help<F: Future>(future: Pin<&mut F>) -> F::Output {
    block_with(future, |alarm| {
        go_on_until(alarm);
        alarm.wait();
    })
}

/// Steps the worker until the alarm rings or there is no worker to step any more.
fn go_on_until(alarm: &Alarm) {
    let Some(mut inner) = InnerPolls::begin(Room::ForAny) else {
        // Rather a thread too many than one that blocks with its worker's tasks behind it.
        let _refused = seat::give_way(Bound::Exceeded);
        return;
    };
    let here = seat::runtime_here().expect("inner polls enter the worker's runtime");
    while !alarm.is_rung() {
        match inner.step() {
            Step::Ran => {}
            Step::Rest => here.host.rest_until(&|| alarm.is_rung()),
            // An inner poll has blocked, and did get a stand-in.
            Step::Replaced => return,
            // The awaited ones may be among the tasks that this thread holds.
            Step::Close => return here.thread_leaves(),
        }
    }
}
