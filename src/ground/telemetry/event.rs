//! The events that the scheduler tells its observers: a closed list of small ones.
//!
//! The core knows no metrics, traces or recorders; it emits [`Event`]s to one [`Observer`] and pays
//! one branch where there is none.

use std::any::Any;
use std::panic::Location;

use super::long_poll::LongPoll;
use crate::ground::ids::{QueueId, TaskId, WorkerId};
use crate::ground::shield::message;

/// Where a scheduled task was put.
///
/// ```
/// assert_ne!(laneway::observe::Placement::NextSlot, laneway::observe::Placement::Channel);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The next-slot of the worker that scheduled it: it runs next there.
    NextSlot,
    /// The back of the local deque of the worker that scheduled it.
    Deque,
    /// Its queue's channel.
    Channel,
}

/// Where a worker found the task that it polls next.
///
/// ```
/// use laneway::observe::{Source, WorkerId};
///
/// fn was_moved(source: Source) -> bool {
///     matches!(source, Source::Worker(_))
/// }
/// assert!(!was_moved(Source::Local));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The worker's own next-slot or deque.
    Local,
    /// The queue's channel.
    Channel,
    /// Another worker's deque.
    Worker(WorkerId),
}

/// How a poll ended.
///
/// ```
/// assert!(laneway::observe::PollEnd::Panicked.is_last());
/// assert!(!laneway::observe::PollEnd::Yielded.is_last());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollEnd {
    /// The task waits to be woken.
    Pending,
    /// The task was woken during its own poll and is scheduled again already.
    Yielded,
    /// The task has its output.
    Ready,
    /// The task panicked; its awaiter gets the payload.
    Panicked,
    /// The task was cancelled during the poll; its future was dropped after it.
    Cancelled,
}

impl PollEnd {
    /// Whether the task will never be polled again.
    ///
    /// ```
    /// use laneway::observe::PollEnd;
    ///
    /// assert!(PollEnd::Ready.is_last());
    /// assert!(!PollEnd::Pending.is_last());
    /// ```
    #[must_use]
    pub fn is_last(self) -> bool {
        match self {
            PollEnd::Pending | PollEnd::Yielded => false,
            PollEnd::Ready | PollEnd::Panicked | PollEnd::Cancelled => true,
        }
    }
}

/// One thing that the scheduler did.
///
/// `worker` is the worker on whose thread it happened, `by` likewise where that may be no worker
/// of the runtime.
///
/// ```
/// // Small enough to be copied into a ring buffer by the million.
/// assert!(size_of::<laneway::observe::Event>() <= 24);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A task came to be.
    Spawned {
        /// The new task.
        task: TaskId,
        /// The queue that it was spawned on.
        queue: QueueId,
        /// The worker that spawned it.
        by: Option<WorkerId>,
        /// The place in the source that spawned it.
        spawned_at: &'static Location<'static>,
    },
    /// A task is put where a worker will find it: after its spawn, and after each wake-up. It is
    /// told again of a task in a next-slot whose worker is stuck in a long poll, when the watchdog
    /// moves it into the queue's channel; and of a task that was raised in the low queue, when a
    /// worker moves it to the high one.
    ///
    /// Comes before its [`Taken`](Event::Taken), whichever threads the two happen on.
    Scheduled {
        /// The task.
        task: TaskId,
        /// The queue that its priority names now.
        queue: QueueId,
        /// The worker that spawned or woke it, since the task that it is polling did, or that moved
        /// it. `None` is any other thread; the timer's is told apart by a
        /// [`TimerFired`](Event::TimerFired) before.
        by: Option<WorkerId>,
        /// Where it was put.
        to: Placement,
    },
    /// A worker took a task to poll it; or to drop it, if it was cancelled in the queue.
    Taken {
        /// The task.
        task: TaskId,
        /// The queue it was in. It was stolen if the worker is not at home there.
        queue: QueueId,
        /// The worker.
        worker: WorkerId,
        /// Where it lay.
        from: Source,
    },
    /// A poll began.
    PollStarted {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: WorkerId,
    },
    /// A poll ended.
    PollEnded {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: WorkerId,
        /// How it ended.
        end: PollEnd,
    },
    /// A worker found nothing and parks. One that saw work at its last look before that does not
    /// count.
    Parked {
        /// The worker.
        worker: WorkerId,
    },
    /// A worker that was parked was unparked.
    Unparked {
        /// The worker.
        worker: WorkerId,
    },
    /// The task that this worker polls blocks its thread in place. The worker goes on with other
    /// tasks: on another thread; or on this one, within the blocked poll, with the tasks that it
    /// waits for, or where no other thread can be had. It is not told of a task that blocks with
    /// its worker. The blocked poll ends as any other, and may block more than once before.
    Replaced {
        /// The worker.
        worker: WorkerId,
    },
    /// A task's future was dropped before it had completed: its handle was dropped, it was aborted,
    /// or its runtime has ended. If that happened during a poll, this comes before the end of the
    /// poll; if it was queued, after it was [taken](Event::Taken), and it is not polled.
    Cancelled {
        /// The task.
        task: TaskId,
        /// The worker that dropped the future.
        by: Option<WorkerId>,
    },
    /// A low task was raised to high priority, from its next scheduling on.
    Escalated {
        /// The task.
        task: TaskId,
        /// The worker on which it was raised, for instance by a high task that awaits it.
        by: Option<WorkerId>,
    },
    /// A task began to wait for the timer, or set anew how long a wait is to last.
    TimerArmed {
        /// The task.
        task: TaskId,
        /// The worker that polls it.
        by: Option<WorkerId>,
        /// How long it is to wait, in microseconds.
        after_us: u64,
    },
    /// The time that a task waited for has come, and the timer wakes it. If something else has
    /// woken it already, nothing happens and nothing is told.
    TimerFired {
        /// The task.
        task: TaskId,
    },
}

/// The parts of a runtime. They give the numbers in its events a meaning.
///
/// ```
/// use laneway::observe::{Observer, RuntimeShape};
/// use laneway::{Priority, QueueId, Runtime};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Sketch(Mutex<Option<RuntimeShape>>);
///
/// impl Observer for Sketch {
///     fn on_start(&self, shape: &RuntimeShape) {
///         *self.0.lock().unwrap() = Some(shape.clone());
///     }
/// }
///
/// let sketch = Arc::new(Sketch::default());
/// let builder = Runtime::builder().with_high_num(1).with_low_num(2).with_standby(1);
/// let rt = builder.with_observer(sketch.clone()).build()?;
/// let shape = sketch.0.lock().unwrap().clone().unwrap();
/// assert_eq!(shape.queues, ["high", "low"]);
/// assert_eq!(shape.homes, [QueueId::HIGH, QueueId::HIGH, QueueId::LOW, QueueId::LOW]);
/// assert_eq!(shape.standbys.len(), 1);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeShape {
    /// The queues' names, in the order of [`QueueId::index`].
    pub queues: Vec<String>,
    /// The queue that each worker is at home in, in the order of [`WorkerId::index`].
    pub homes: Vec<QueueId>,
    /// The workers that stand by for the others at home in their queue, in ascending order.
    pub standbys: Vec<WorkerId>,
}

/// The report of a panic that no task will ever await.
///
/// A task's panic travels to the awaiter of the task, or to the thread that joins it. If there is
/// neither, because the task was detached or its handle dropped, the panic is reported here and as
/// an error in the [`log`], once.
///
/// ```
/// use laneway::observe::{LostPanic, Observer};
/// use laneway::{Priority, Runtime};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Panics(Mutex<Vec<String>>);
///
/// impl Observer for Panics {
///     fn on_lost_panic(&self, panic: &LostPanic<'_>) {
///         self.0.lock().unwrap().push(panic.message().to_string());
///     }
/// }
///
/// let panics = Arc::new(Panics::default());
/// let rt = Runtime::builder().with_observer(panics.clone()).build()?;
/// rt.spawn(async { panic!("disk full") }, Priority::Low).detach();
/// rt.shutdown(std::time::Duration::from_secs(5));
/// assert_eq!(*panics.0.lock().unwrap(), ["disk full"]);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Debug)]
pub struct LostPanic<'a> {
    pub(crate) task: TaskId,
    pub(crate) name: Option<&'a str>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) payload: &'a (dyn Any + Send),
}

impl LostPanic<'_> {
    /// The task that panicked.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The task's name, if it was given one. The log shows it in quotes and escaped.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// The panic's message, where the payload is a string as `panic!` makes it.
    #[must_use]
    pub fn message(&self) -> &str {
        message(self.payload)
    }
}

/// Receives what the scheduler does, on the thread that does it, as it does it.
///
/// Give one to [`Builder::with_observer`](crate::Builder::with_observer). The methods are called in
/// the middle of scheduling: keep them short and do not block in them. Their panics are logged and
/// otherwise ignored.
///
/// A task that is being spawned or woken is in no queue while [`on_event`](Observer::on_event) is
/// told of it, and a worker that parks or gets up is not at its work. So a
/// [`shutdown`](crate::Runtime::shutdown) from there waits until its deadline has come, since the
/// end waits for the task and the task for the observer, and a wait for a task of the runtime may
/// take for ever. A drop of the [`Runtime`](crate::Runtime) from there is fine: another thread ends
/// it, and the drop does not wait for that.
///
/// ```
/// use laneway::observe::{Event, Observer};
/// use laneway::{Priority, Runtime};
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct Spawns(AtomicUsize);
///
/// impl Observer for Spawns {
///     fn on_event(&self, event: Event) {
///         if let Event::Spawned { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let spawns = Arc::new(Spawns::default());
/// let rt = Runtime::builder().with_observer(spawns.clone()).build()?;
/// rt.block_on(rt.spawn(async {}, Priority::High));
/// assert_eq!(spawns.0.load(Ordering::Relaxed), 1);
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Called once, before any other method, when the runtime is built.
    fn on_start(&self, shape: &RuntimeShape) {
        let _ = shape;
    }

    /// Called for every event.
    fn on_event(&self, event: Event) {
        let _ = event;
    }

    /// Called when a task that has a name is spawned: right after its [`Event::Spawned`], on the
    /// same thread, and before it is scheduled. A name may hold any characters, and several tasks
    /// may have the same.
    ///
    /// ```
    /// use laneway::observe::Observer;
    /// use laneway::{Priority, Runtime, TaskId};
    /// use std::collections::HashMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// #[derive(Default)]
    /// struct Names(Mutex<HashMap<TaskId, String>>);
    ///
    /// impl Observer for Names {
    ///     fn on_named(&self, task: TaskId, name: &str) {
    ///         self.0.lock().unwrap().insert(task, name.to_owned());
    ///     }
    /// }
    ///
    /// let names = Arc::new(Names::default());
    /// let rt = Runtime::builder().with_observer(names.clone()).build()?;
    /// let task = rt.named("parser").spawn(async {}, Priority::Low);
    /// assert_eq!(names.0.lock().unwrap()[&task.id()], "parser");
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    fn on_named(&self, task: TaskId, name: &str) {
        let _ = (task, name);
    }

    /// Called twice for every poll that takes too long: while it lasts, and when it has ended. On
    /// the watchdog's thread. [`LongPoll`] has an example.
    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        let _ = poll;
    }

    /// Called once for every panic that no awaiter will see.
    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        let _ = panic;
    }
}
