//! What looks at a runtime that goes on, for a while: an observer, or a function that names tasks.

use std::fmt;
use std::sync::Arc;

use super::handle::Handle;
use crate::executor::Executor;
use crate::ground::ids::TaskId;
use crate::ground::shield::shielded;
use crate::ground::telemetry::{Observer, namers, names};

/// Keeps an observer told of what a runtime does, until it is dropped. Made by
/// [`Handle::observe`], which has an example.
#[must_use = "the observer is told nothing once this is dropped"]
pub struct Observation {
    executor: Arc<Executor>,
    observer: u64,
}

/// Keeps a function that names tasks in the reports of their long polls, until it is dropped. Made
/// by [`Handle::name_long_polls`], which has an example.
#[must_use = "the function is not asked once this is dropped"]
pub struct LongPollNames {
    number: u64,
}

impl Handle {
    /// Tells an observer all that the runtime does from now on, for as long as the guard lives:
    /// beside the one of [`with_observer`](crate::Builder::with_observer), if there is one.
    ///
    /// It is told the [shape](crate::observe::Observer::on_start) of the runtime first. Tasks that
    /// were spawned before are not told, so that events may speak of tasks that it has not heard
    /// of; and of a poll that is going on, it may be told the end alone or nothing. When the guard
    /// is dropped, other threads may be in the middle of telling it their last event.
    ///
    /// A runtime that has no observer pays nothing for this: it looks at one number. While there
    /// is one, the other runtimes of the process look at each event whether it is for them.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.block_on(rt.spawn(async {}, Priority::High));
    ///
    /// let recorder = Arc::new(Recorder::new());
    /// let observation = rt.handle().observe(recorder.clone());
    /// let task = rt.named("seen").spawn(async {}, Priority::High);
    /// let seen = task.id();
    /// rt.block_on(task);
    /// drop(observation);
    /// rt.named("unseen").spawn(async {}, Priority::High).detach();
    ///
    /// let recording = recorder.recording();
    /// assert_eq!(recording.name(seen), Some("seen"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn observe(&self, observer: Arc<dyn Observer>) -> Observation {
        shielded("an observer", || observer.on_start(&self.executor.shape));
        Observation {
            observer: self.executor.observers.add(observer),
            executor: self.executor.clone(),
        }
    }

    /// Lets a function name tasks of this runtime that were given no name, in the reports of their
    /// [long polls](crate::observe::LongPoll), for as long as the guard lives. It is for those who
    /// know what a task does at the moment, as a server knows the request that it serves. Of
    /// several functions, the first that gives a name counts.
    ///
    /// The function is called on the watchdog's thread while the poll lasts, and not for polls that
    /// are short: it must not wait for the task.
    ///
    /// ```
    /// use laneway::observe::{LongPoll, Observer};
    /// use laneway::sim::{Sim, work};
    /// use laneway::time::sleep;
    /// use laneway::{Handle, Priority};
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    ///
    /// #[derive(Default)]
    /// struct Names(Mutex<Vec<String>>);
    ///
    /// impl Observer for Names {
    ///     fn on_long_poll(&self, poll: &LongPoll<'_>) {
    ///         self.0.lock().unwrap().extend(poll.name().map(str::to_owned));
    ///     }
    /// }
    ///
    /// let names = Arc::new(Names::default());
    /// Sim::seed(1).observer(names.clone()).run(async {
    ///     let here = Handle::current();
    ///     let _named = here.name_long_polls(|task| Some(format!("that of {task:?}")));
    ///     here.spawn(async { work(Duration::from_millis(35)) }, Priority::High).await;
    ///     sleep(Duration::from_millis(1)).await;
    /// })?;
    /// // While it lasts, and at its end.
    /// assert_eq!(names.0.lock().unwrap().len(), 2);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn name_long_polls(
        &self,
        name: impl Fn(TaskId) -> Option<String> + Send + Sync + 'static,
    ) -> LongPollNames {
        LongPollNames {
            number: namers::add(self.executor.id, Arc::new(name)),
        }
    }

    /// The name of a task of this runtime, if it has one and its handle or its future is still
    /// there: for an observer that came after the task was spawned.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.named("mail").spawn(async {}, Priority::Low);
    /// assert_eq!(rt.handle().task_name(task.id()).as_deref(), Some("mail"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn task_name(&self, task: TaskId) -> Option<Arc<str>> {
        names::get((self.executor.id, task))
    }
}

impl Drop for LongPollNames {
    fn drop(&mut self) {
        namers::remove(self.number);
    }
}

impl fmt::Debug for LongPollNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPollNames").finish_non_exhaustive()
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.executor.observers.remove(self.observer);
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").finish_non_exhaustive()
    }
}
