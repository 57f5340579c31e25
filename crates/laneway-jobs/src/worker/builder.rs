//! How a worker is set up and started.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use laneway::{Handle, Priority, Task, shutdown_begun};
use serde::Serialize;

use super::claimer::Claimer;
use super::core::Core;
use super::handle::{OnRuntime, WorkerHandle};
use super::handlers::Handlers;
use super::next::{Handled, Next};
use super::scheduler::Scheduler;
use super::settings::{Limit, OtherSchedules, ServedQueue, Settings};
use super::start_error::StartError;
use super::{keeper, settler};
use crate::ctx::Ctx;
use crate::job::Job;
use crate::job_error::JobError;
use crate::jobs::Jobs;
use crate::name::{NameError, check_name};
use crate::retry::Retry;
use crate::schedule::Schedule;
use crate::store::{Pruning, Rescue};

/// Runs jobs: which queues, which handlers.
///
/// ```
/// use laneway_jobs::sqlite::SqliteStore;
/// use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Add(u32, u32);
/// impl Job for Add {
///     const KIND: &'static str = "add";
/// }
///
/// async fn add(Add(a, b): Add, _: Ctx) -> Result<u32, JobError> {
///     Ok(a + b)
/// }
///
/// let rt = laneway::Runtime::builder().build()?;
/// let jobs = Jobs::new(SqliteStore::memory()?);
/// let worker = Worker::new(&jobs)
///     .queue("default", Limit::in_flight(64))
///     .handle(add)
///     .start(&rt)?;
/// rt.block_on(async {
///     let id = jobs.enqueue(Add(40, 2)).await?.id();
///     assert_eq!(jobs.wait::<u32>(id).await?, 42);
///     assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a worker does nothing until `start()` is called"]
pub struct Worker {
    pub(super) jobs: Jobs,
    pub(super) handlers: Handlers,
    pub(super) settings: Settings,
    pub(super) queues: Vec<(String, Limit)>,
    schedules: Vec<Schedule>,
    other_schedules: OtherSchedules,
}

impl Worker {
    /// A worker for these jobs, without queues and handlers.
    pub fn new(jobs: &Jobs) -> Worker {
        Worker {
            jobs: jobs.clone(),
            handlers: Handlers::default(),
            settings: Settings::default(),
            queues: Vec::new(),
            schedules: Vec::new(),
            other_schedules: OtherSchedules::default(),
        }
    }

    /// Serves a queue.
    pub fn queue(mut self, name: impl Into<String>, limit: Limit) -> Worker {
        self.queues.push((name.into(), limit));
        self
    }

    /// Runs jobs of the type `T` by this handler. A handler may run twice for one job: after a
    /// crash, and after a stall longer than the lease.
    pub fn handle<T, F, Fut, R, E>(mut self, handler: F) -> Worker
    where
        T: Job,
        F: Fn(T, Ctx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize,
        E: Into<JobError>,
    {
        self.handlers.add(handler, None);
        self
    }

    /// Runs jobs of the type `T` as [`handle`](Worker::handle) does, with a rule of its own for
    /// further attempts.
    pub fn handle_with<T, F, Fut, R, E>(mut self, retry: Retry, handler: F) -> Worker
    where
        T: Job,
        F: Fn(T, Ctx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize,
        E: Into<JobError>,
    {
        self.handlers.add(handler, Some(retry));
        self
    }

    /// Runs a hook around every handler of this worker, whether it is given before or after: for a
    /// span, a measurement, or what belongs to the tenant of a job. The hook awaits `next`, and may
    /// wrap it in another future, change its error, or give an error without it. Of several hooks
    /// the later one runs around the earlier one.
    ///
    /// A panic of the handler goes through the hook, and one of the hook counts as the handler's.
    /// Where the attempt times out, is cut off by a shutdown or loses its lease, the hook is
    /// dropped together with the handler: what has to be undone belongs in a destructor. An
    /// undecodable payload is an error of `next`.
    ///
    /// ```
    /// use laneway_jobs::testing::{drain, simulated};
    /// use laneway_jobs::{Ctx, Job, JobError, Limit, Next, Worker};
    /// use serde::{Deserialize, Serialize};
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Greet(String);
    /// impl Job for Greet {
    ///     const KIND: &'static str = "greet";
    /// }
    ///
    /// simulated(|jobs| async move {
    ///     let lengths = Arc::new(Mutex::new(Vec::new()));
    ///     let kept = lengths.clone();
    ///     let worker = Worker::new(&jobs)
    ///         .queue("default", Limit::in_flight(8))
    ///         .handle(|Greet(name), _: Ctx| async move {
    ///             laneway::time::sleep(Duration::from_secs(2)).await;
    ///             Ok::<_, JobError>(format!("Hello, {name}!"))
    ///         })
    ///         .around(move |next: Next, ctx: Ctx| {
    ///             let kept = kept.clone();
    ///             async move {
    ///                 let begun = laneway::time::now();
    ///                 let ended = next.await;
    ///                 let length = laneway::time::now() - begun;
    ///                 kept.lock().unwrap().push((ctx.kind().to_owned(), length, ended.is_ok()));
    ///                 ended
    ///             }
    ///         });
    ///     jobs.enqueue(Greet("Ada".to_owned())).await.unwrap();
    ///     assert_eq!(drain(&worker).await.completed(), 1);
    ///     let lengths = lengths.lock().unwrap();
    ///     assert_eq!(*lengths, [("greet".to_owned(), Duration::from_secs(2), true)]);
    /// });
    /// ```
    pub fn around<F, Fut>(mut self, hook: F) -> Worker
    where
        F: Fn(Next, Ctx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Handled, JobError>> + Send + 'static,
    {
        self.handlers.add_hook(Arc::new(move |next, ctx| {
            let hooked = hook(next, ctx);
            Box::pin(async move { hooked.await.map(|Handled(result)| result) })
        }));
        self
    }

    /// Fires a schedule: its jobs are enqueued at its instants, by this worker or another one that
    /// has it, each once. They are run by whichever worker serves their queue.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Schedule, Worker};
    /// use serde::{Deserialize, Serialize};
    /// use std::time::{Duration, SystemTime};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Sweep(SystemTime);
    /// impl Job for Sweep {
    ///     const KIND: &'static str = "sweep";
    /// }
    ///
    /// let hour = Duration::from_secs(3600);
    /// let fires = laneway::sim::Sim::seed(1).run(async move {
    ///     let jobs = Jobs::new(SqliteStore::memory().unwrap());
    ///     let worker = Worker::new(&jobs)
    ///         .queue("default", Limit::in_flight(8))
    ///         .handle(|_: Sweep, _: Ctx| async { Ok::<_, JobError>(()) })
    ///         .schedule(Schedule::every("sweep", hour).job(Sweep).unwrap())
    ///         .start(&laneway::Handle::current())
    ///         .unwrap();
    ///     laneway::time::sleep(3 * hour).await; // of simulated time
    ///     let _ = worker.shutdown(hour).await;
    ///     jobs.schedules().await.unwrap()[0].fires.len()
    /// });
    /// assert_eq!(fires?.output, 3);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn schedule(mut self, schedule: Schedule) -> Worker {
        self.schedules.push(schedule);
        self
    }

    /// Removes the schedules from the store that this worker does not have, at its start. Only
    /// where no other worker has schedules of its own. Default: they stay, and are logged.
    pub fn remove_other_schedules(mut self) -> Worker {
        self.other_schedules = OtherSchedules::Removed;
        self
    }

    /// Sets the name by which people know the worker. Default: the process's id and a number.
    pub fn named(mut self, name: impl Into<String>) -> Worker {
        self.settings.name = name.into();
        self
    }

    /// Sets the rule for further attempts. Default: [`Retry::default`].
    pub fn retry(mut self, retry: Retry) -> Worker {
        self.settings.retry = retry;
        self
    }

    /// Sets how long an attempt may take, where the job says nothing else. Default: one hour.
    ///
    /// A handler is dropped at its next await after that. One that blocks its thread within a
    /// single poll has none: a lease and a third later at most its slot is free for another job,
    /// and its own job is taken for one whose worker was lost. The thread stays the handler's.
    pub fn timeout(mut self, timeout: Duration) -> Worker {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how long a lease is; it is renewed at every third of it. A lost worker's jobs run again
    /// after it. Less than a second counts as a second. Default: 30 seconds.
    pub fn lease(mut self, lease: Duration) -> Worker {
        self.settings.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// Sets what is done about lost workers. Default: [`Rescue::default`].
    pub fn rescue(mut self, rescue: Rescue) -> Worker {
        self.settings.rescue = rescue;
        self
    }

    /// Sets which old jobs are deleted; `None` keeps all. Default: [`Pruning::default`].
    ///
    /// The worker looks for them soon after its first job, and every ten minutes if any has
    /// finished since.
    pub fn prune(mut self, pruning: Option<Pruning>) -> Worker {
        self.settings.pruning = pruning;
        self
    }

    /// Starts the worker on a runtime.
    ///
    /// # Errors
    ///
    /// A [`StartError`] that says what to set.
    pub fn start(self, runtime: &impl OnRuntime) -> Result<WorkerHandle, StartError> {
        let runtime = runtime.handle();
        let queues = self.served(&runtime)?;
        let (schedules, others) = (self.schedules, self.other_schedules);
        let jobs = self.jobs;
        let (core, settlements) =
            Core::new(jobs, self.handlers, self.settings, queues, runtime.clone());
        let claimers: Vec<Claimer> = (0..core.queues.len())
            .map(|queue| Claimer::new(core.clone(), queue))
            .collect();
        let mut tasks = vec![
            spawn(&runtime, settler::run(core.clone(), settlements))?,
            spawn(&runtime, keeper::run(core.clone()))?,
            spawn(&runtime, stop_at_shutdown(core.clone()))?,
        ];
        if !schedules.is_empty() || others == OtherSchedules::Removed {
            let scheduler = Scheduler::new(core.clone(), schedules, others);
            tasks.push(spawn(&runtime, scheduler.run())?);
        }
        for claimer in claimers {
            tasks.push(spawn(&runtime, claimer.run())?);
        }
        Ok(WorkerHandle::new(core, tasks))
    }

    fn served(&self, runtime: &Handle) -> Result<Vec<ServedQueue>, StartError> {
        if let Some(kind) = self.handlers.doubled {
            return Err(StartError::KindTwice(kind));
        }
        if self.handlers.kinds().next().is_none() {
            return Err(StartError::NoHandler);
        }
        self.check_names().map_err(StartError::Name)?;
        let mut named = BTreeSet::new();
        if let Some(twice) = self.schedules.iter().find(|one| !named.insert(one.name())) {
            return Err(StartError::ScheduleTwice(twice.name().to_owned()));
        }
        let mut names = BTreeSet::new();
        if let Some((name, _)) = self.queues.iter().find(|(name, _)| !names.insert(name)) {
            return Err(StartError::QueueTwice(name.clone()));
        }
        match self.queues.is_empty() {
            true => Err(StartError::NoQueue),
            false => self
                .queues
                .iter()
                .map(|queue| served(queue, runtime))
                .collect(),
        }
    }

    fn check_names(&self) -> Result<(), NameError> {
        check_name("the name of a worker", &self.settings.name)?;
        for (queue, _) in &self.queues {
            check_name("the name of a queue", queue)?;
        }
        let mut kinds = self.handlers.kinds();
        kinds.try_for_each(|kind| check_name("a kind", kind))
    }
}

fn served((name, limit): &(String, Limit), runtime: &Handle) -> Result<ServedQueue, StartError> {
    let spawn_on = limit.spawn_on.as_ref().map(|name| {
        let queue = runtime.queue(name);
        queue.ok_or_else(|| StartError::NoRuntimeQueue(name.clone()))
    });
    Ok(ServedQueue {
        name: name.clone(),
        limit: limit.jobs(),
        spawn_on: spawn_on.transpose()?,
        bounds: limit.bounds,
    })
}

fn spawn(
    runtime: &Handle,
    task: impl Future<Output = ()> + Send + 'static,
) -> Result<Task<()>, StartError> {
    let spawned = runtime.try_spawn(task, Priority::High);
    spawned.map_err(|_| StartError::ShutDown)
}

/// A runtime that shuts down lets the worker finish what it holds.
async fn stop_at_shutdown(core: Arc<Core>) {
    let begun = async {
        shutdown_begun().await;
        core.stop();
    };
    futures_lite::future::or(begun, core.over.wait()).await;
    core.over.wait().await;
}
