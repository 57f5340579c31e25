//! The numbers that tasks, workers, queues, crews and runtimes are known by.
//!
//! This file is below all others and uses none of them. Read `executor/runnable.rs` next.

use std::fmt;
use std::hash::Hasher;

/// A task's number, unique within its runtime.
///
/// ```
/// let rt = laneway::Runtime::builder().build()?;
/// let a = rt.spawn(async {}, laneway::Priority::Low);
/// let b = rt.spawn(async {}, laneway::Priority::Low);
/// assert_ne!(a.id(), b.id());
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A worker's number within its runtime: high workers first, then
/// [standbys](crate::Builder::with_standby), then low workers, then those of further queues. The
/// number stays the same when another thread takes the worker over.
///
/// ```
/// use laneway::observe::{Event, Observer, WorkerId};
/// use std::sync::{Mutex, Arc};
///
/// #[derive(Default)]
/// struct Ran(Mutex<Vec<usize>>);
///
/// impl Observer for Ran {
///     fn on_event(&self, event: Event) {
///         if let Event::PollStarted { worker, .. } = event {
///             self.0.lock().unwrap().push(worker.index());
///         }
///     }
/// }
///
/// let ran = Arc::new(Ran::default());
/// let rt = laneway::Runtime::builder()
///     .with_high_num(1)
///     .with_low_num(1)
///     .with_stealing(laneway::Stealing::None)
///     .with_observer(ran.clone())
///     .build()?;
/// rt.block_on(rt.spawn(async {}, laneway::Priority::Low));
/// assert_eq!(*ran.0.lock().unwrap(), [1]); // worker 0 is the high one
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub(crate) u16);

impl WorkerId {
    /// The worker's position in
    /// [`RuntimeMetrics::workers`](crate::observe::RuntimeMetrics::workers).
    /// [`WorkerId`] has an example.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A queue's place in its runtime: high, low, then further queues in the order they were added.
///
/// Events name queues by it; [`Runtime::metrics`](crate::Runtime::metrics) lists them in this
/// order, with their names.
///
/// ```
/// use laneway::{QueueId, Runtime};
///
/// let rt = Runtime::builder().with_queue("network", 1, &[]).build()?;
/// let network = rt.queue("network").expect("the queue was added above");
/// assert_eq!(network.index(), 2);
/// assert_eq!(rt.metrics().queues[QueueId::LOW.index()].name, "low");
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub(crate) u16);

impl QueueId {
    /// The queue of [`Priority::High`](crate::Priority::High).
    pub const HIGH: QueueId = QueueId(0);
    /// The queue of [`Priority::Low`](crate::Priority::Low).
    pub const LOW: QueueId = QueueId(1);

    /// The queue's position in [`RuntimeMetrics::queues`](crate::observe::RuntimeMetrics::queues).
    ///
    /// ```
    /// use laneway::QueueId;
    ///
    /// assert_eq!((QueueId::HIGH.index(), QueueId::LOW.index()), (0, 1));
    /// ```
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether tasks of this queue go before tasks of `other` on a worker that holds both.
    ///
    /// High tasks go before all others. Beyond that no queue outranks another.
    #[inline]
    pub(crate) fn outranks(self, other: QueueId) -> bool {
        self == QueueId::HIGH && other != QueueId::HIGH
    }
}

/// A crew's place in `ParkingLot`. Workers that serve the same queues form a crew, even if
/// different ones of these queues are their homes; standbys form one of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrewId(pub(crate) usize);

/// An executor's number, unique within the process. A task knows its executor by it: one number
/// costs less than a counted reference, which the cores would fight over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutorId(pub(crate) u32);

/// Hashes task numbers by a multiplication: no user chooses them.
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a task's number is hashed as one word");
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): 2^64 divided by the
        // golden ratio, for the high bits, which the map uses together with the low ones.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
