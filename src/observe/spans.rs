//! Spans and events of the `tracing` crate for tasks (feature `tracing`).
//!
//! [`Spans`] is an observer that gives each task a span and tells of its wake-ups. A line that a
//! task logs is within its span then, and `tokio-console` shows the tasks. A line of its
//! destructors is within it as well if the task ends in a poll, and not if it was cancelled before:
//! then there is none.
//!
//! # What tokio-console shows
//!
//! The console's [subscriber] reads spans called `runtime.spawn` and events of the target
//! `runtime::waker`, of whichever runtime. Both have to pass the filter that is set up before it:
//! the spans have the level info, the events the level trace. The package `examples/console` of
//! the repository is a program that the console can be connected to, and brings tokio for that;
//! the runtime itself needs none.
//!
//! - **ID, Name, Location, Kind**: the task's number, its name if it has one, the place of its
//!   spawn, and `task`.
//! - **State**: a task is idle until its first poll, and completed when it was cancelled or
//!   panicked as well.
//! - **Total, Busy, Polls**, and the histogram of poll times: from the spawn to the end, and the
//!   polls between.
//! - **Sched**, and the histogram of scheduled times: from a wake-up to the poll that follows it.
//!   The wait for the first poll is idle time, as it is with tokio's tasks.
//! - **Woken, last woken**: each time that the task goes back into a queue. The waking of one that
//!   is in a queue already does not count; the cancelling of one that waits does, since it is
//!   queued to be dropped.
//! - **Current wakers, clones, drops**: the one waker that the runtime keeps from the first time
//!   that the task waits to its end. Those of others are not seen: async-task does not tell of
//!   them.
//! - **Self wakes**: none are told, since it is not known which code has woken a task during its
//!   poll.
//! - **Fields**: `queue`, the number of the queue that the task was spawned on.
//! - **Resources, Async Ops**: empty. Timers, sockets and channels have no spans.
//!
//! Two of the console's warnings are never given, therefore. *Lost waker*: a waiting task can be
//! woken by the runtime, if by no other code. [`Monitor::suspicious`] lists those that seem to be
//! forgotten. *Self wakes*: see above. *Never yielded* is as true as for any runtime.
//!
//! The console measures by the time at which it hears of things, and it hears of a poll's end
//! shortly after. A task that another worker polls within that moment appears to be polled once
//! where it was twice.
//!
//! [subscriber]: https://docs.rs/console-subscriber
//! [`Monitor::suspicious`]: crate::observe::Monitor::suspicious

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard};

use crossbeam_utils::CachePadded;
use tracing::span::EnteredSpan;
use tracing::{Span, info_span, trace};

use crate::ground::growth;
use crate::ground::ids::{QueueId, Spread, TaskId};
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::{Event, Observer, PollEnd};

/// Opens a [`tracing`] span for each task, enters it for each of the task's polls, and closes it
/// at the task's end. Tells by events when a task is woken.
///
/// The span is called `runtime.spawn`, of the target `laneway::task` and the level info. It has no
/// parent: a task may live longer than the one that spawned it. It is opened when the task is first
/// put into a queue. Its fields are `kind` (always `task`), `task.id`, `task.name` if the task has
/// a name, `queue` (the number of the queue that it was spawned on), and `loc.file`, `loc.line` and
/// `loc.col` for the place of the spawn.
///
/// An event has the target `runtime::waker` and the level trace. Its field `task.id` is the number
/// of the task's *span*, and `op` is one of
///
/// - `waker.wake_by_ref`: the task was woken, and goes into a queue. It is told within the span of
///   the task that woke it, if one did.
/// - `waker.clone`: the task waits for the first time, and the runtime keeps its waker.
/// - `waker.drop`: the task has ended, and the runtime drops that waker.
///
/// [The module](self) says what `tokio-console` makes of them.
///
/// One such observer serves one runtime. Observers are called in the middle of scheduling, and so
/// is the subscriber then: it must not spawn or wake tasks.
///
/// ```
/// use laneway::observe::spans::Spans;
/// use laneway::{Priority, Runtime};
/// use std::sync::Arc;
///
/// let rt = Runtime::builder().with_observer(Arc::new(Spans::new())).build()?;
/// let in_a_span = rt.spawn(async { tracing::Span::current() }, Priority::Low);
/// // No subscriber is set here, so that spans are disabled.
/// assert!(rt.block_on(in_a_span).is_disabled());
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct Spans {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

type Shard = HashMap<TaskId, SpanState, BuildHasherDefault<Spread>>;

const SHARDS: usize = 16;

thread_local! {
    /// The spans of the polls that this thread is in. `None` is a poll that is over, but for the
    /// news of it, or one of a task that has lost its span: it is polled to be cancelled.
    static ENTERED: RefCell<Vec<Option<EnteredSpan>>> = const { RefCell::new(Vec::new()) };
}

/// How far a task's span has come.
enum SpanState {
    /// The name may still come, which the span is to be opened with.
    Spawned(Spawned),
    Open {
        span: Span,
        /// Whether it was told that the runtime keeps a waker.
        waker_told: bool,
    },
}

struct Spawned {
    queue: QueueId,
    spawned_at: &'static Location<'static>,
    name: Option<Box<str>>,
}

impl Spawned {
    fn open(&self, task: TaskId) -> Span {
        info_span!(
            target: "laneway::task",
            parent: None,
            "runtime.spawn",
            kind = "task",
            task.id = task.0,
            task.name = self.name.as_deref(),
            queue = self.queue.index(),
            loc.file = self.spawned_at.file(),
            loc.line = self.spawned_at.line(),
            loc.col = self.spawned_at.column(),
        )
    }
}

/// An operation on a task's waker.
#[derive(Clone, Copy)]
enum WakerOp {
    Clone,
    Drop,
    Wake,
}

impl WakerOp {
    fn name(self) -> &'static str {
        match self {
            WakerOp::Clone => "waker.clone",
            WakerOp::Drop => "waker.drop",
            // Which of the two it was is not known. The other would count as a drop besides, of a
            // waker whose clone was never told.
            WakerOp::Wake => "waker.wake_by_ref",
        }
    }
}

fn tell(op: WakerOp, span: &Span) {
    if let Some(id) = span.id() {
        trace!(target: "runtime::waker", op = op.name(), task.id = id.into_u64());
    }
}

impl Spans {
    /// Makes an observer that opens spans. [`Spans`] has an example.
    #[must_use]
    pub fn new() -> Spans {
        Spans {
            shards: (0..SHARDS).map(|_| CachePadded::default()).collect(),
        }
    }

    fn shard(&self, task: TaskId) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[task.0 as usize % SHARDS];
        // A poisoned lock is fine: a state is whole between any two of its calls.
        unpoisoned(shard.lock())
    }

    /// The span of a task that has been put into a queue and has not ended.
    fn span(&self, task: TaskId) -> Option<Span> {
        match self.shard(task).get(&task)? {
            SpanState::Spawned(_) => None,
            SpanState::Open { span, .. } => Some(span.clone()),
        }
    }

    /// Opens the span at the first scheduling, which is no wake-up as all later ones are.
    fn scheduled(&self, task: TaskId) {
        let Some(span) = self.span(task) else {
            return self.open(task);
        };
        // A task that is scheduled from within its poll was woken during the poll and is polled no
        // longer. It is left now: another worker may enter it before the end of the poll is told.
        if let Some(over) = take_entered(&span) {
            self.waits(task);
            drop(over);
        }
        tell(WakerOp::Wake, &span);
    }

    fn open(&self, task: TaskId) {
        if let Some(state) = self.shard(task).get_mut(&task)
            && let SpanState::Spawned(spawned) = state
        {
            *state = SpanState::Open {
                span: spawned.open(task),
                waker_told: false,
            };
        }
    }

    fn poll_ended(&self, task: TaskId, end: PollEnd) {
        // On the same thread as the start. The subscriber is told after the borrow.
        let entered = ENTERED.with_borrow_mut(Vec::pop).flatten();
        if end.is_last() {
            self.close(task);
        } else if entered.is_some() {
            self.waits(task);
        }
        // Left last, which closes the span in the same breath: a task that is neither polled nor
        // closed and has no waker is taken for lost.
        drop(entered);
    }

    /// Tells once that the runtime keeps the waker of a task that was not ready.
    fn waits(&self, task: TaskId) {
        let mut shard = self.shard(task);
        if let Some(SpanState::Open { span, waker_told }) = shard.get_mut(&task)
            && !std::mem::replace(waker_told, true)
        {
            let span = span.clone();
            // Unlocked before: the subscriber is told here.
            drop(shard);
            tell(WakerOp::Clone, &span);
        }
    }

    fn close(&self, task: TaskId) {
        let mut shard = self.shard(task);
        let state = shard.remove(&task);
        growth::give_back(&mut shard);
        // Unlocked before, as above.
        drop(shard);
        if let Some(SpanState::Open { span, waker_told }) = state
            && waker_told
        {
            tell(WakerOp::Drop, &span);
        }
    }
}

/// Takes out the span of the poll that this thread is in, if it is this one.
fn take_entered(span: &Span) -> Option<EnteredSpan> {
    ENTERED.with_borrow_mut(|all| all.last_mut()?.take_if(|entered| entered.id() == span.id()))
}

impl Observer for Spans {
    fn on_event(&self, event: Event) {
        match event {
            Event::Spawned {
                task,
                queue,
                spawned_at,
                ..
            } => {
                let spawned = SpanState::Spawned(Spawned {
                    queue,
                    spawned_at,
                    name: None,
                });
                self.shard(task).insert(task, spawned);
            }
            Event::Scheduled { task, .. } => self.scheduled(task),
            Event::PollStarted { task, .. } => {
                let entered = self.span(task).map(Span::entered);
                ENTERED.with_borrow_mut(|all| all.push(entered));
            }
            Event::PollEnded { task, end, .. } => self.poll_ended(task, end),
            // A poll that it is in keeps the span open until its end.
            Event::Cancelled { task, .. } => self.close(task),
            _ => {}
        }
    }

    fn on_named(&self, task: TaskId, named: &str) {
        if let Some(SpanState::Spawned(spawned)) = self.shard(task).get_mut(&task) {
            spawned.name = Some(named.into());
        }
    }
}

impl Default for Spans {
    fn default() -> Spans {
        Spans::new()
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}
