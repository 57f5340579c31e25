//! The two forms in which a workload is measured, and the kinds of yield.
//!
//! The strengths of a runtime show in one form and not in the other: a thread that waits in an
//! executor's `block_on` may help or spin, one that parks does neither; handles that are awaited
//! wake, detached tasks do not. So every workload is run in both.

mod detached;
mod exercise;
mod form;
mod report;
mod tasks_left;
mod wake_by_ref;

pub(crate) use exercise::Exercise;
pub(crate) use form::Form;
#[cfg(test)]
pub(crate) use report::mean;
pub(crate) use report::{means, report};
pub(crate) use tasks_left::TasksLeft;
pub(crate) use wake_by_ref::WakeByRef;

#[cfg(test)]
mod tests;
