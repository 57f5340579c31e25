//! The synchronisation primitives of the idle protocol: the standard library's, or the model
//! checker's.
//!
//! [`executor::idle`](crate::executor) takes its atomics, its lock and its thread handles from
//! here and from nowhere else, so that `--cfg loom` can run the very same source under loom,
//! which tries every interleaving. Nothing else in the crate needs this: queues and deques come
//! from crates that check themselves.

#[cfg(all(test, loom))]
pub(crate) use loom::{
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    thread::{self, Thread},
};

#[cfg(not(all(test, loom)))]
pub(crate) use std::{
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    thread::{self, Thread},
};
