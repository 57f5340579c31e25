//! All connections of a server, and the knowledge about each.
//!
//! Read on in this order: `fleet.rs` holds them, each with the address of its client (`peer.rs`).
//! `watch.rs` knows what a connection waits for and was told to do, `unsent.rs` which of its
//! answers are not sent yet, and `alarm.rs` when its client has had its time. `metrics.rs` counts,
//! `access_log.rs` tells of each request, and `report.rs` is what is left to say at the end.

pub(crate) mod access_log;
mod alarm;
mod fleet;
mod metrics;
mod peer;
mod report;
mod unsent;
mod watch;

pub use metrics::Route;
pub use report::{CutConnection, Doing, ServeReport};

pub(crate) use alarm::{Alarm, Seen};
pub(crate) use fleet::{ConnectProtocol, Fleet, Member};
pub(crate) use unsent::Unsent;
pub(crate) use watch::{Attendance, Due, Order, Rest, Taker, Waits, Watch};
