//! The attempts of a worker as other tools see them, where a feature asks for that: counts
//! (`counted.rs`) and spans (`traced.rs`).

#[cfg_attr(not(feature = "metrics"), path = "counted_left_out.rs")]
mod counted;
#[cfg_attr(not(feature = "tracing"), path = "traced_left_out.rs")]
mod traced;

pub(super) use counted::Counted;
pub(super) use traced::within;
