//! Counts what cores do to each other, while the simulator plays a program on them.
//!
//! The package `laneway-scale` builds Laneway once more, with `cfg(counted)`. In that build the
//! atomics, locks, rings and deques that `src/ground/sync.rs` hands out are those of this
//! folder: each does what the real one does, and tells the modelled [machine](measure). All else is
//! the source that ships.
//!
//! - `line.rs`: one cache line, and which cores have it.
//! - `machine.rs`: the lines, and how much time each core has used.
//! - `counts.rs`: what a run comes to. `costs.rs`: how long each thing takes.
//! - `atomics.rs`, `lock.rs`, `ring.rs`, `deque.rs`, `thread.rs`: what the source gets.

// Each has what the real one has, as far as any part of the source calls it.
#![allow(dead_code)]

mod atomics;
mod core_set;
mod costs;
mod counts;
mod deque;
mod line;
mod lock;
mod machine;
mod ring;
pub(crate) mod thread;

pub use costs::Costs;
pub use counts::{Counts, Place};
pub use machine::{charge, conclude, measure, restart};

pub(crate) use atomics::{
    AtomicBool, AtomicCell, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use deque::{Deque, Steal, Stealer};
pub(crate) use lock::{Mutex, MutexGuard};
pub(crate) use machine::{choosing, looks_again, parked, pick, polled};
pub(crate) use ring::Ring;
pub(crate) use std::sync::Condvar;
pub(crate) use thread::Thread;
