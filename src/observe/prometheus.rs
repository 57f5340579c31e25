//! A runtime's numbers in Prometheus' text format.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::histogram::Histogram;
use super::monitor::QueueTimes;
use super::series::{QUEUE_SERIES, Series, SeriesKind, WORKER_SERIES};
use crate::runtime::{QueueMetrics, RuntimeMetrics, WorkerMetrics};

/// Writes a runtime's counters, and what a [`Monitor`](super::Monitor) has counted if there is
/// one, in the text format that Prometheus scrapes (version 0.0.4).
///
/// Serve it over HTTP as `text/plain; version=0.0.4`. All names begin with `laneway_`; what
/// belongs to a queue has the label `queue`, what belongs to a worker `worker` and `home`. Times
/// are in seconds. The waits and polls of `times` are histograms whose bounds are powers of four,
/// from 1.024 microseconds to 17 seconds.
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
    let mut text = Text::default();
    metrics_of_queues(&mut text, &metrics.queues);
    metrics_of_workers(&mut text, metrics);
    let waits = times.iter().map(|times| (&*times.queue, &times.wait));
    text.histograms(
        "laneway_task_wait_seconds",
        "Time from each scheduling of a task to the start of its poll.",
        waits,
    );
    let polls = times.iter().map(|times| (&*times.queue, &times.poll));
    text.histograms(
        "laneway_task_poll_seconds",
        "Time from the start of each poll to its end.",
        polls,
    );
    text.0
}

fn metrics_of_queues(text: &mut Text, queues: &[QueueMetrics]) {
    for Series {
        kind,
        name,
        help,
        value,
    } in QUEUE_SERIES
    {
        text.head(word(kind), name, help);
        for queue in queues {
            text.sample(name, &[("queue", &queue.name)], value(queue));
        }
    }
}

fn metrics_of_workers(text: &mut Text, metrics: &RuntimeMetrics) {
    for series in WORKER_SERIES {
        text.head(word(series.kind), series.name, series.help);
        for (labels, worker) in labelled(metrics) {
            text.sample(series.name, &labels.pairs(&[]), (series.value)(worker));
        }
    }
    let name = "laneway_worker_seconds_total";
    text.head(
        word(SeriesKind::Counter),
        name,
        "Time that this worker spent in each state.",
    );
    for (labels, worker) in labelled(metrics) {
        let states = [
            ("busy", worker.busy),
            ("searching", worker.searching),
            ("parked", worker.parked),
        ];
        for (state, time) in states {
            text.sample(name, &labels.pairs(&[("state", state)]), Seconds(time));
        }
    }
}

/// What tells a worker from the others.
struct WorkerLabels<'a> {
    worker: String,
    home: &'a str,
}

impl WorkerLabels<'_> {
    fn pairs<'a>(&'a self, further: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [("worker", &*self.worker), ("home", self.home)];
        own.iter().chain(further).copied().collect()
    }
}

fn labelled(metrics: &RuntimeMetrics) -> impl Iterator<Item = (WorkerLabels<'_>, &WorkerMetrics)> {
    metrics.workers.iter().enumerate().map(|(number, worker)| {
        let labels = WorkerLabels {
            worker: number.to_string(),
            home: &metrics.queues[worker.home.index()].name,
        };
        (labels, worker)
    })
}

fn word(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Counter => "counter",
        SeriesKind::Gauge => "gauge",
    }
}

/// The text so far.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes all that is written");
    }

    /// What comes before a metric's samples.
    fn head(&mut self, kind: &str, name: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.line(format_args!("{name}{{{}}} {value}", Labels(labels)));
    }

    fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        histograms: impl Iterator<Item = (&'a str, &'a Histogram)>,
    ) {
        let mut histograms = histograms.peekable();
        if histograms.peek().is_some() {
            self.head("histogram", name, help);
        }
        histograms.for_each(|(queue, histogram)| self.histogram(name, queue, histogram));
    }

    fn histogram(&mut self, name: &str, queue: &str, histogram: &Histogram) {
        let queue = ("queue", queue);
        let bucket = format!("{name}_bucket");
        for power in (10..=34).step_by(2) {
            let bound = Duration::from_nanos(1 << power);
            let le = Seconds(bound).to_string();
            self.sample(&bucket, &[queue, ("le", &le)], histogram.count_up_to(bound));
        }
        let count = histogram.count();
        self.sample(&bucket, &[queue, ("le", "+Inf")], count);
        self.sample(&format!("{name}_sum"), &[queue], Seconds(histogram.sum()));
        self.sample(&format!("{name}_count"), &[queue], count);
    }
}

/// A duration in seconds, with all its digits.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// Labels between the braces, their values escaped.
struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_char(',')?;
            }
            write!(f, "{name}=\"")?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    _ => f.write_char(character)?,
                }
            }
            f.write_char('"')?;
        }
        Ok(())
    }
}
