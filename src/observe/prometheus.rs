//! The numbers of runtimes, and of what is built on them, in Prometheus' text format.

mod text;

use std::collections::HashSet;
use std::time::Duration;

use super::monitor::QueueTimes;
use super::series::{
    BLOCKING_SERIES, PERIODIC_SERIES, PIPELINE_SERIES, QUEUE_SERIES, SERVICE_SERIES, Series,
    TASK_QUEUE_SERIES, WORKER_SERIES,
};
use crate::background::{PeriodicMetrics, ServiceMetrics, TaskQueueMetrics};
use crate::blocking::BlockingMetrics;
use crate::pipeline::PipelineCounts;
use crate::runtime::{RuntimeMetrics, WorkerMetrics};

use text::{LabelPairs, Seconds, Text};

/// Writes the counters of a program's only runtime, and what a [`Monitor`](super::Monitor) has
/// counted if there is one, in the text format that Prometheus scrapes (version 0.0.4).
///
/// Where there is more to be scraped, such as a second runtime or services, [`Prometheus`] puts
/// it all into one text. The samples are the same, but for its label `runtime`.
///
/// ```
/// use laneway::observe::{Monitor, prometheus};
/// use laneway::{Priority, Runtime};
/// use std::sync::Arc;
///
/// let monitor = Arc::new(Monitor::new());
/// let rt = Runtime::builder().with_observer(monitor.clone()).build()?;
/// rt.block_on(rt.spawn(async {}, Priority::High));
///
/// let text = prometheus(&rt.metrics(), &monitor.queues());
/// assert!(text.contains("\nlaneway_tasks_spawned_total{queue=\"high\"} 1\n"));
/// assert!(text.contains("\nlaneway_task_wait_seconds_count{queue=\"high\"} 1\n"));
/// // Without a monitor:
/// assert!(!prometheus(&rt.metrics(), &[]).contains("laneway_task_wait_seconds"));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[must_use]
pub fn prometheus(metrics: &RuntimeMetrics, times: &[QueueTimes]) -> String {
    let only = RuntimeNumbers {
        name: None,
        metrics: metrics.clone(),
        times: times.to_vec(),
    };
    Prometheus {
        runtimes: vec![only],
        ..Prometheus::new()
    }
    .render()
}

/// Puts all that a program has to be scraped into one text, in the format of Prometheus (version
/// 0.0.4): any number of runtimes, services, periodic processes, task queues and pipelines, and the
/// pool of blocking threads.
///
/// Serve it over HTTP as `text/plain; version=0.0.4`, made anew for each scrape. All names begin
/// with `laneway_`, and the labels of each sample tell whose it is:
///
/// - `runtime`, with `queue` or with `worker` and `home`: what belongs to a runtime;
/// - `service`: `laneway_service_…`;
/// - `process`: `laneway_periodic_…`, of periodic processes;
/// - `task_queue`: `laneway_task_queue_…`;
/// - `pipeline`: `laneway_pipeline_…`;
/// - none: `laneway_blocking_…`, of the one pool that a process has.
///
/// Times are in seconds. The waits and polls that a monitor has counted are histograms whose
/// bounds are powers of four, from 1.024 microseconds to 17 seconds. Names may hold any characters.
/// Of two things of one kind with the same name, the second is given a number: `mail`, `mail (2)`.
///
/// ```
/// use laneway::background::Service;
/// use laneway::observe::Prometheus;
/// use laneway::{Priority, Runtime, blocking};
///
/// let web = Runtime::builder().build()?;
/// let batch = Runtime::builder().with_high_num(0).build()?;
/// web.block_on(web.spawn(async {}, Priority::High));
/// let (mail, _background) = Service::new().build((), async |_: &mut (), _letter: String| ());
///
/// let text = Prometheus::new()
///     .runtime("web", web.metrics(), [])
///     .runtime("batch", batch.metrics(), [])
///     .service("mail", mail.metrics())
///     .blocking(blocking::metrics())
///     .render();
/// assert!(text.contains("laneway_tasks_spawned_total{runtime=\"web\",queue=\"high\"} 1\n"));
/// assert!(text.contains("laneway_tasks_spawned_total{runtime=\"batch\",queue=\"high\"} 0\n"));
/// assert!(text.contains("laneway_service_completed_total{service=\"mail\"} 0\n"));
/// assert!(text.contains("\nlaneway_blocking_queued 0\n"));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is written until `render` is called"]
pub struct Prometheus {
    runtimes: Vec<RuntimeNumbers>,
    services: Vec<(String, ServiceMetrics)>,
    processes: Vec<(String, PeriodicMetrics)>,
    task_queues: Vec<(String, TaskQueueMetrics)>,
    pipelines: Vec<(String, PipelineCounts)>,
    blocking: Option<BlockingMetrics>,
}

/// The numbers of one runtime that are scraped.
#[derive(Clone, Debug)]
struct RuntimeNumbers {
    /// None for a program's only one.
    name: Option<String>,
    metrics: RuntimeMetrics,
    /// The counts of a monitor, if there is one.
    times: Vec<QueueTimes>,
}

impl Prometheus {
    /// Makes a text with nothing in it. [`Prometheus`] has an example.
    pub fn new() -> Prometheus {
        Prometheus::default()
    }

    /// Adds a runtime's counters, and what a [`Monitor`](super::Monitor) of it has counted by
    /// queue: its [`queues`](super::Monitor::queues), or `[]` if there is none.
    ///
    /// ```
    /// use laneway::observe::{Monitor, Prometheus};
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let monitor = Arc::new(Monitor::new());
    /// let rt = Runtime::builder().with_observer(monitor.clone()).build()?;
    /// rt.block_on(rt.spawn(async {}, Priority::High));
    /// let text = Prometheus::new().runtime("web", rt.metrics(), monitor.queues()).render();
    /// let count = "laneway_task_wait_seconds_count{runtime=\"web\",queue=\"high\"} 1";
    /// assert!(text.contains(count));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn runtime(
        mut self,
        name: impl Into<String>,
        metrics: RuntimeMetrics,
        times: impl Into<Vec<QueueTimes>>,
    ) -> Prometheus {
        let names = self
            .runtimes
            .iter()
            .filter_map(|before| before.name.as_deref());
        self.runtimes.push(RuntimeNumbers {
            name: Some(unlike(name.into(), names)),
            metrics,
            times: times.into(),
        });
        self
    }

    /// Adds what a service does and has done, by
    /// [`ServiceHandle::metrics`](crate::background::ServiceHandle::metrics). [`Prometheus`] has an
    /// example.
    pub fn service(mut self, name: impl Into<String>, metrics: ServiceMetrics) -> Prometheus {
        add(&mut self.services, name.into(), metrics);
        self
    }

    /// Adds what a periodic process does and has done, by
    /// [`Periodic::metrics`](crate::background::Periodic::metrics), under the name that it was
    /// given.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::observe::Prometheus;
    /// use std::time::Duration;
    ///
    /// let every = Every::new(Duration::from_secs(60)).name("rotation");
    /// let (rotation, _background) = every.build(async || ());
    /// let text = Prometheus::new().periodic(rotation.metrics()).render();
    /// assert!(text.contains("laneway_periodic_completed_total{process=\"rotation\"} 0\n"));
    /// ```
    pub fn periodic(mut self, metrics: PeriodicMetrics) -> Prometheus {
        add(&mut self.processes, metrics.name.clone(), metrics);
        self
    }

    /// Adds what a task queue does and has done, by
    /// [`TaskQueue::metrics`](crate::background::TaskQueue::metrics).
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    /// use laneway::observe::Prometheus;
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::sync(|_| 1)).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// let text = Prometheus::new().task_queue("reports", queue.metrics()).render();
    /// assert!(text.contains("laneway_task_queue_done_total{task_queue=\"reports\"} 1\n"));
    /// assert!(text.contains("laneway_task_queue_wait_seconds_total{task_queue=\"reports\"} "));
    /// ```
    pub fn task_queue(mut self, name: impl Into<String>, metrics: TaskQueueMetrics) -> Prometheus {
        add(&mut self.task_queues, name.into(), metrics);
        self
    }

    /// Adds what a pipeline has done, by [`Running::counts`](crate::pipeline::Running::counts).
    ///
    /// ```
    /// use laneway::observe::Prometheus;
    /// use laneway::pipeline::PipelineCounts;
    ///
    /// let text = Prometheus::new().pipeline("eye", PipelineCounts::default()).render();
    /// assert!(text.contains("laneway_pipeline_ticks_total{pipeline=\"eye\"} 0\n"));
    /// ```
    pub fn pipeline(mut self, name: impl Into<String>, counts: PipelineCounts) -> Prometheus {
        add(&mut self.pipelines, name.into(), counts);
        self
    }

    /// Adds what the process's pool of blocking threads does at the moment, by
    /// [`blocking::metrics`](crate::blocking::metrics). [`Prometheus`] has an example.
    pub fn blocking(mut self, metrics: BlockingMetrics) -> Prometheus {
        self.blocking = Some(metrics);
        self
    }

    /// The text. [`Prometheus`] has an example.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Text::default();
        self.queues(&mut text);
        self.workers(&mut text);
        self.times(&mut text);
        named(&mut text, "service", &SERVICE_SERIES, &self.services);
        named(&mut text, "process", &PERIODIC_SERIES, &self.processes);
        named(
            &mut text,
            "task_queue",
            &TASK_QUEUE_SERIES,
            &self.task_queues,
        );
        seconds_of_task_queues(&mut text, &self.task_queues);
        named(&mut text, "pipeline", &PIPELINE_SERIES, &self.pipelines);
        let pool: Vec<_> = self.blocking.iter().map(|pool| (vec![], pool)).collect();
        text.series(&BLOCKING_SERIES, &pool);
        text.0
    }

    fn queues(&self, text: &mut Text) {
        let queues = self.runtimes.iter().flat_map(|runtime| {
            let queues = runtime.metrics.queues.iter();
            queues.map(|queue| (runtime.labels(&[("queue", &queue.name)]), queue))
        });
        text.series(&QUEUE_SERIES, &queues.collect::<Vec<_>>());
    }

    fn workers(&self, text: &mut Text) {
        let most = self
            .runtimes
            .iter()
            .map(|runtime| runtime.metrics.workers.len());
        // Made here, since labels are borrowed.
        let numbers: Vec<String> = (0..most.max().unwrap_or(0))
            .map(|n| n.to_string())
            .collect();
        let workers: Vec<_> = self
            .runtimes
            .iter()
            .flat_map(|r| r.workers(&numbers))
            .collect();
        text.series(&WORKER_SERIES, &workers);
        if !workers.is_empty() {
            seconds_of_workers(text, &workers);
        }
    }

    fn times(&self, text: &mut Text) {
        let mut waits = Vec::new();
        let mut polls = Vec::new();
        for runtime in &self.runtimes {
            for times in &runtime.times {
                let labels = runtime.labels(&[("queue", &times.queue)]);
                waits.push((labels.clone(), &times.wait));
                polls.push((labels, &times.poll));
            }
        }
        text.histograms(WAITS, &waits);
        text.histograms(POLLS, &polls);
    }
}

const WAITS: (&str, &str) = (
    "laneway_task_wait_seconds",
    "Time from each scheduling of a task to the start of its poll.",
);

const POLLS: (&str, &str) = (
    "laneway_task_poll_seconds",
    "Time from the start of each poll to its end.",
);

impl RuntimeNumbers {
    /// The runtime's label, if it has a name, and further ones.
    fn labels<'a>(&'a self, further: &[(&'a str, &'a str)]) -> LabelPairs<'a> {
        let own = self.name.iter().map(|name| ("runtime", &**name));
        own.chain(further.iter().copied()).collect()
    }

    fn workers<'a>(
        &'a self,
        numbers: &'a [String],
    ) -> impl Iterator<Item = (LabelPairs<'a>, &'a WorkerMetrics)> {
        let workers = self.metrics.workers.iter().zip(numbers);
        workers.map(|(worker, number)| {
            let home = &self.metrics.queues[worker.home.index()].name;
            (self.labels(&[("worker", number), ("home", home)]), worker)
        })
    }
}

fn seconds_of_workers(text: &mut Text, workers: &[(LabelPairs<'_>, &WorkerMetrics)]) {
    let name = "laneway_worker_seconds_total";
    text.head(
        "counter",
        name,
        "Time that this worker spent in each state.",
    );
    for (labels, worker) in workers {
        let states = [
            ("busy", worker.busy),
            ("searching", worker.searching),
            ("parked", worker.parked),
        ];
        for (state, time) in states {
            let labels = [&labels[..], &[("state", state)]].concat();
            text.sample(name, &labels, Seconds(time));
        }
    }
}

fn seconds_of_task_queues(text: &mut Text, queues: &[(String, TaskQueueMetrics)]) {
    if queues.is_empty() {
        return;
    }
    for (kind, name, help, value) in TASK_QUEUE_TIMES {
        text.head(kind, name, help);
        for (queue, metrics) in queues {
            text.sample(name, &[("task_queue", queue)], Seconds(value(metrics)));
        }
    }
}

type TaskQueueTime = (
    &'static str,
    &'static str,
    &'static str,
    fn(&TaskQueueMetrics) -> Duration,
);

const TASK_QUEUE_TIMES: [TaskQueueTime; 3] = [
    (
        "counter",
        "laneway_task_queue_wait_seconds_total",
        "Time for which work waited until it began.",
        |queue| queue.waited,
    ),
    (
        "gauge",
        "laneway_task_queue_longest_wait_seconds",
        "The longest time for which work waited until it began.",
        |queue| queue.longest_wait,
    ),
    (
        "counter",
        "laneway_task_queue_run_seconds_total",
        "Time for which the work that has ended had been running.",
        |queue| queue.ran,
    ),
];

/// Writes the series of things that are told apart by their names alone.
fn named<T>(text: &mut Text, label: &str, table: &[Series<T>], things: &[(String, T)]) {
    let things = things
        .iter()
        .map(|(name, thing)| (vec![(label, &**name)], thing));
    text.series(table, &things.collect::<Vec<_>>());
}

fn add<T>(to: &mut Vec<(String, T)>, name: String, thing: T) {
    let name = unlike(name, to.iter().map(|(before, _)| &**before));
    to.push((name, thing));
}

/// A name that is none of those before: it is given a number if need be. Two samples with the same
/// labels would make the text unreadable.
fn unlike<'a>(name: String, before: impl Iterator<Item = &'a str>) -> String {
    let before: HashSet<&str> = before.collect();
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let mut candidates = std::iter::once(name.clone()).chain(numbered);
    let free = candidates.find(|candidate| !before.contains(&**candidate));
    free.expect("there are more numbers than names")
}
