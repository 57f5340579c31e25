//! One request and its answer, between hyper and the service.
//!
//! Read on in this order: `serves.rs` has the bounds of a service, `exchange.rs` asks one, and
//! `panicked.rs` catches its panics. `entry.rs` is the request among the others, `origin.rs` the
//! connection that it came by. `request_body.rs` is its body, and `arrival.rs` the time of its
//! news. `sendable.rs` judges the answer, whose body is `answer.rs`, and which goes to hyper in
//! pieces (`piece.rs`). `offer.rs` says which requests may be upgrades, `handover.rs` how a
//! connection is given away, and `streamed.rs` how a stream of one is.

mod answer;
mod arrival;
mod entry;
mod exchange;
mod handover;
mod offer;
mod origin;
mod panicked;
mod piece;
mod request_body;
mod sendable;
mod serves;
mod streamed;

pub use answer::Endless;
pub use offer::connect_protocol;
pub use request_body::{BodyError, RequestBody};

pub(crate) use exchange::Dispatch;
pub(crate) use handover::tell_of_nobody;
pub(crate) use offer::Offer;
pub(crate) use origin::Origin;
pub(crate) use serves::Serves;
pub(crate) use streamed::{Streamed, cut_off};
