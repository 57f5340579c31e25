//! The synchronisation primitives of the protocols between threads: the standard library's, or
//! the model checker's, or those that count.
//!
//! A protocol whose correctness hangs on how threads interleave takes its atomics, locks and thread
//! handles from here. With `--cfg loom` the very same source runs under loom, which tries every
//! interleaving; the file `model.rs` in a module's folder drives it. Other code uses the standard
//! library's; deques come from a crate that has tests of its own.
//!
//! With `--cfg counted` all of them tell a modelled machine of each access: `benches/scale` asks
//! what many cores do to each other. All that each task touches is taken from here for that reason,
//! rings and deques as well.
//!
//! loom treats sequentially consistent accesses as weaker than they are, and only fences as they
//! are. Where a protocol of ours relies on such accesses, its model puts a fence beside them, in
//! the part that is the model's own, and says so.

use std::io;
use std::sync::{LockResult, PoisonError};

#[cfg(all(test, loom))]
pub(crate) use {
    loom::{
        sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
        sync::{Condvar, Mutex, MutexGuard},
    },
    thread::Thread,
};

#[cfg(not(any(all(test, loom), counted)))]
pub(crate) use crossbeam_utils::atomic::AtomicCell;
#[cfg(not(all(test, loom)))]
pub(crate) use std::thread_local as per_thread;
#[cfg(not(any(all(test, loom), counted)))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{self, Thread},
};

#[cfg(counted)]
pub(crate) use crate::counted::{
    AtomicBool, AtomicCell, AtomicU8, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering,
    Thread, fence, thread,
};

/// The primitives that the model checker leaves as they are: its models do not step through these.
#[cfg(not(counted))]
pub(crate) mod unmodelled {
    pub(crate) use crossbeam_deque::{Steal, Stealer, Worker as Deque};
    pub(crate) use std::collections::VecDeque as Ring;
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::sync::{Mutex, MutexGuard};
}

#[cfg(counted)]
pub(crate) use crate::counted as unmodelled;

/// Starts a thread that is not nice, whichever thread asks for it.
#[cfg(not(all(test, loom)))]
pub(crate) fn start_thread(name: String, main: impl FnOnce() + Send + 'static) -> io::Result<()> {
    crate::ground::os_thread::spawn(thread::Builder::new().name(name), main).map(drop)
}

/// Starts a thread of the model.
#[cfg(all(test, loom))]
pub(crate) fn start_thread(name: String, main: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name).spawn(main).map(drop)
}

/// A thread-local of the model's threads, which all are one thread of the system's.
#[cfg(all(test, loom))]
macro_rules! per_thread {
    ($(#[$doc:meta])* static $name:ident: $type:ty = const $initial:block;) => {
        loom::thread_local! {
            $(#[$doc])* static $name: $type = $initial;
        }
    };
}

#[cfg(all(test, loom))]
pub(crate) use per_thread;

#[cfg(all(test, loom))]
pub(crate) mod thread {
    use std::io;
    use std::num::NonZero;
    use std::sync::Arc;
    use std::time::Duration;

    use loom::sync::Notify;
    use loom::thread::ThreadId;
    pub(crate) use loom::thread::{Builder, yield_now};

    /// A thread and its token. loom's own would be woken by an unpark from any kind of wait, from
    /// one for a lock as well.
    #[derive(Clone, Debug)]
    pub(crate) struct Thread {
        id: ThreadId,
        token: Arc<Notify>,
    }

    loom::thread_local! {
        static TOKEN: Arc<Notify> = Arc::default();
    }

    impl Thread {
        pub(crate) fn id(&self) -> ThreadId {
            self.id
        }

        pub(crate) fn unpark(&self) {
            self.token.notify();
        }
    }

    pub(crate) fn current() -> Thread {
        Thread {
            id: loom::thread::current().id(),
            token: TOKEN.with(Arc::clone),
        }
    }

    /// Comes back without a token once in a while, as the standard library's may.
    pub(crate) fn park() {
        current().token.wait();
    }

    /// The time is always over at once. loom may let other threads go on for any while before this
    /// thread's next access.
    pub(crate) fn park_timeout(_timeout: Duration) {}

    /// One core, on which no thread looks again and again: more looks make more interleavings and
    /// show nothing new.
    pub(crate) fn available_parallelism() -> io::Result<NonZero<usize>> {
        Ok(NonZero::<usize>::MIN)
    }
}

/// A cell swapped in one step. A lock orders the accesses around it as the swap does.
#[cfg(all(test, loom))]
#[derive(Debug, Default)]
pub(crate) struct AtomicCell<T>(Mutex<T>);

#[cfg(all(test, loom))]
impl<T: Default> AtomicCell<T> {
    pub(crate) fn swap(&self, value: T) -> T {
        let mut cell = self.0.lock().expect("nothing panics while it is locked");
        std::mem::replace(&mut *cell, value)
    }

    pub(crate) fn store(&self, value: T) {
        self.swap(value);
    }

    pub(crate) fn take(&self) -> T {
        self.swap(T::default())
    }
}

#[cfg(all(test, loom))]
impl<T: Copy> AtomicCell<T> {
    pub(crate) fn load(&self) -> T {
        *self.0.lock().expect("nothing panics while it is locked")
    }
}

/// The guard that a lock or a wait gives, whether or not a thread panicked under the lock: no state
/// of ours is half done at a place where code of the user's may panic.
pub(crate) fn unpoisoned<G>(held: LockResult<G>) -> G {
    held.unwrap_or_else(PoisonError::into_inner)
}

/// Runs a model in every interleaving with at most this many preemptions. More of them have found
/// nothing new and take hours.
#[cfg(all(test, loom))]
pub(crate) fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
