//! The poll that is under way on this thread, as the code within it and around it knows it.
//!
//! - `this_poll.rs`: the thread-local, with the code that writes and reads each part of it.
//! - `budget.rs`: how a task that never has to wait gives its thread to others.
//! - `used.rs`: how much of its budget a poll has used.
//! - `nesting.rs`: how deep polls may lie within each other.
//! - `trust.rs`: which wakers are known not to panic.
//!
//! This folder stands below the core, and never polls a task.

pub(crate) mod budget;
mod nesting;
mod this_poll;
mod trust;
mod used;

pub(crate) use nesting::Room;
pub(crate) use this_poll::{
    CutOffHere, InnerLevel, apart_from_polls, being_cut_off_here, between_polls, blocks_in_high,
    calling_observers_of, cut_off_here_in_all, fires, firing, may_call_observer_of,
    note_blocks_in_high, observed, observed_task, poll_level, polls_under_way,
};
pub(crate) use trust::{own_poll, poll_shielded, trust_task, trusting};
