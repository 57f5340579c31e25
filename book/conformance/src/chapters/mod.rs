//! The checks, a file for each chapter.

pub(crate) mod background;
pub(crate) mod builder;
pub(crate) mod join;
pub(crate) mod more_consumers;
pub(crate) mod one_queue;
pub(crate) mod polling;
pub(crate) mod spawn_task;
pub(crate) mod stealing;
pub(crate) mod two_queues;
