//! A span of the `tracing` crate for each task (feature `tracing`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use tracing::span::EnteredSpan;
use tracing::{Span, info_span};

use crate::executor::{Event, Observer, QueueId, Spread, TaskId};

/// Opens a [`tracing`] span for each task, enters it for each of the task's polls, and
/// closes it at the task's end. What a task logs by `tracing` is within its span then, on whichever
/// thread it is polled.
///
/// The span is called `runtime.spawn`, of the target `laneway::task` and the level info. It has no
/// parent: a task may live longer than the one that spawned it. Its fields are `kind` (always
/// `task`), `task.id`, `task.name` if the task has a name, `queue` (the number of the queue that it
/// was spawned on), and `loc.file`, `loc.line` and `loc.col` for the place of the spawn.
///
/// Observers are called in the middle of scheduling, and so is the subscriber then: it must not
/// spawn or wake tasks.
///
/// ```
/// use laneway::observe::spans::Spans;
/// use laneway::{Priority, Runtime};
/// use std::sync::Arc;
///
/// let rt = Runtime::builder().with_observer(Arc::new(Spans::new())).build()?;
/// let in_a_span = rt.spawn(async { tracing::Span::current() }, Priority::Low);
/// // Nobody subscribes here, so that spans are disabled.
/// assert!(rt.block_on(in_a_span).is_disabled());
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct Spans {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

type Shard = HashMap<TaskId, Life, BuildHasherDefault<Spread>>;

const SHARDS: usize = 16;

thread_local! {
    /// The spans of the polls that this thread is in, and `None` for a task that has lost its span
    /// already: it is polled once more to be cancelled.
    static ENTERED: RefCell<Vec<Option<EnteredSpan>>> = const { RefCell::new(Vec::new()) };
}

/// How far a task's span has come.
enum Life {
    /// The name may still come, which the span is to be opened with.
    Spawned {
        queue: QueueId,
        spawned_at: &'static Location<'static>,
        name: Option<Box<str>>,
    },
    Open(Span),
}

impl Life {
    /// Opens the span, if it has not been.
    fn open(&mut self, task: TaskId) -> &Span {
        if let Life::Spawned {
            queue,
            spawned_at,
            name,
        } = self
        {
            let span = info_span!(
                target: "laneway::task",
                parent: None,
                "runtime.spawn",
                kind = "task",
                task.id = task.0,
                task.name = name.as_deref(),
                queue = queue.index(),
                loc.file = spawned_at.file(),
                loc.line = spawned_at.line(),
                loc.col = spawned_at.column(),
            );
            *self = Life::Open(span);
        }
        match self {
            Life::Open(span) => span,
            Life::Spawned { .. } => unreachable!("it has just been opened"),
        }
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
        // A poisoned lock is fine: a life is whole between any two of its calls.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span of a task that has not ended.
    fn span(&self, task: TaskId) -> Option<Span> {
        Some(self.shard(task).get_mut(&task)?.open(task).clone())
    }

    fn close(&self, task: TaskId) {
        let life = self.shard(task).remove(&task);
        // Unlocked before: the subscriber is told here.
        drop(life);
    }
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
                let life = Life::Spawned {
                    queue,
                    spawned_at,
                    name: None,
                };
                self.shard(task).insert(task, life);
            }
            Event::PollStarted { task, .. } => {
                let entered = self.span(task).map(Span::entered);
                ENTERED.with_borrow_mut(|all| all.push(entered));
            }
            Event::PollEnded { task, end, .. } => {
                // On the same thread as the start. The subscriber is told after the borrow.
                let entered = ENTERED.with_borrow_mut(Vec::pop);
                drop(entered);
                if end.is_last() {
                    self.close(task);
                }
            }
            // A poll that it is in keeps the span open until its end.
            Event::Cancelled { task, .. } => self.close(task),
            _ => {}
        }
    }

    fn on_named(&self, task: TaskId, named: &str) {
        if let Some(Life::Spawned { name, .. }) = self.shard(task).get_mut(&task) {
            *name = Some(named.into());
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
