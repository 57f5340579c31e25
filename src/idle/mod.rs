//! The time of a worker without work: how it waits for more, and how it is told that there is some.
//!
//! All files here know workers and queues by their numbers, and know no tasks. The core
//! (`executor/`) tells them of pushes, searches and rests. Read them in this order, after
//! `executor/outcome.rs`:
//!
//! - `board.rs`: on which each worker shows whether it holds something.
//! - `parking.rs`: how workers park, and how they are unparked without losing a wake-up.
//! - `nudge.rs`: how a nice thread unparks a worker without a lock.
//! - `lookout.rs`: where one of the parked workers waits in the reactor, for sockets mostly.
//! - `outlook.rs`: whether a worker's work comes from the reactor.
//! - `nearby.rs`: which of several parked workers is unparked.
//! - `spin.rs`: how a searching worker looks again and again before it rests.
//! - `patience.rs`: when a worker that comes for tasks too early begins to wait.
//! - `pace.rs`: when a worker lets tasks gather in a channel before it takes them.
//! - `thief.rs`: when a worker that steals naps, so that tasks gather in a deque.
//! - `following.rs`: when a worker goes to the core of the thread that brings its tasks.
//! - `linger.rs`: when a worker searches for longer before it parks.

mod board;
mod following;
mod linger;
mod lookout;
mod nearby;
mod nudge;
mod outlook;
mod pace;
mod parking;
mod patience;
mod spin;
mod thief;

pub(crate) use board::Board;
pub(crate) use linger::Linger;
pub(crate) use lookout::{Claim, Reactor, Standing};
pub(crate) use nearby::Nearby;
pub(crate) use outlook::Outlook;
pub(crate) use pace::Pace;
pub(crate) use parking::{Enrolled, OtherSearchers, ParkingLot};
pub(crate) use spin::Spin;
pub(crate) use thief::{NAP, Thief};
