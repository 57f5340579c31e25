//! Counters through the `metrics` crate (feature `metrics`).

use std::time::Duration;

use super::series::{
    BLOCKING_SERIES, PERIODIC_SERIES, PIPELINE_SERIES, QUEUE_SERIES, SERVICE_SERIES, Series,
    SeriesKind, TASK_QUEUE_SERIES, WORKER_SERIES,
};
use crate::background::{PeriodicMetrics, ServiceMetrics, TaskQueueMetrics};
use crate::blocking::BlockingMetrics;
use crate::pipeline::PipelineCounts;
use crate::runtime::RuntimeMetrics;

type OwnedLabels = Vec<(&'static str, String)>;

/// Hands the counters of a program's only runtime to the recorder that was installed for the
/// `metrics` crate, whichever exporter that belongs to. Call it at regular times, for instance from
/// a [`background::every`](crate::background::every).
///
/// The names and labels are those of [`Prometheus`](super::Prometheus), except that the time of
/// each worker is `laneway_worker_microseconds_total`, because counters are whole numbers there.
/// Without a recorder nothing happens.
///
/// ```
/// use laneway::Runtime;
/// use laneway::observe::facade::publish;
/// # use metrics_facade as metrics;
/// use metrics::{Counter, Key, Metadata, Recorder, with_local_recorder};
/// # use metrics::{Gauge, Histogram, KeyName, SharedString, Unit};
/// use std::sync::Mutex;
///
/// /// Keeps the names of counters. An exporter has a recorder of its own.
/// #[derive(Default)]
/// struct Names(Mutex<Vec<String>>);
///
/// impl Recorder for Names {
///     fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
///         self.0.lock().unwrap().push(key.name().to_owned());
///         Counter::noop()
///     }
///     // And five methods more.
/// #   fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #   fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #   fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #   fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
/// #       Gauge::noop()
/// #   }
/// #   fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
/// #       Histogram::noop()
/// #   }
/// }
///
/// let (rt, names) = (Runtime::builder().build()?, Names::default());
/// with_local_recorder(&names, || publish(&rt.metrics()));
/// let names = names.0.into_inner().unwrap();
/// assert!(names.contains(&"laneway_worker_microseconds_total".to_owned()));
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub fn publish(metrics: &RuntimeMetrics) {
    publish_labelled(metrics, &[]);
}

/// Hands a runtime's counters over as [`publish`] does, which has an example, with the label
/// `runtime`: where there are several runtimes, those without a label would overwrite each other.
pub fn publish_as(name: &str, metrics: &RuntimeMetrics) {
    publish_labelled(metrics, &[("runtime", name.to_owned())]);
}

/// Hands over what a service does and has done, with the label `service`. [`publish`] says how.
pub fn publish_service(name: &str, metrics: &ServiceMetrics) {
    set_all(&SERVICE_SERIES, &[("service", name.to_owned())], metrics);
}

/// Hands over what a periodic process does and has done, with its name as the label `process`.
/// [`publish`] says how.
pub fn publish_periodic(metrics: &PeriodicMetrics) {
    set_all(
        &PERIODIC_SERIES,
        &[("process", metrics.name.clone())],
        metrics,
    );
}

/// Hands over what a task queue does and has done, with the label `task_queue`; of the times, the
/// sums, as `laneway_task_queue_wait_microseconds_total` and `…_run_microseconds_total`.
/// [`publish`] says how.
pub fn publish_task_queue(name: &str, metrics: &TaskQueueMetrics) {
    let labels = [("task_queue", name.to_owned())];
    set_all(&TASK_QUEUE_SERIES, &labels, metrics);
    let times = [
        ("laneway_task_queue_wait_microseconds_total", metrics.waited),
        ("laneway_task_queue_run_microseconds_total", metrics.ran),
    ];
    for (name, time) in times {
        set(SeriesKind::Counter, name, &labels, microseconds(time));
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Hands over what a pipeline has done, with the label `pipeline`. [`publish`] says how.
pub fn publish_pipeline(name: &str, counts: &PipelineCounts) {
    set_all(&PIPELINE_SERIES, &[("pipeline", name.to_owned())], counts);
}

/// Hands over the counts of the pool of blocking threads. [`publish`] says how.
pub fn publish_blocking(metrics: &BlockingMetrics) {
    set_all(&BLOCKING_SERIES, &[], metrics);
}

fn publish_labelled(metrics: &RuntimeMetrics, runtime: &[(&'static str, String)]) {
    let labels = |further: OwnedLabels| -> OwnedLabels { [runtime, &further].concat() };
    for queue in &metrics.queues {
        set_all(
            &QUEUE_SERIES,
            &labels(vec![("queue", queue.name.clone())]),
            queue,
        );
    }
    for (number, worker) in metrics.workers.iter().enumerate() {
        let home = metrics.queues[worker.home.index()].name.clone();
        let labels = labels(vec![("worker", number.to_string()), ("home", home)]);
        set_all(&WORKER_SERIES, &labels, worker);
        let states = [
            ("busy", worker.busy),
            ("searching", worker.searching),
            ("parked", worker.parked),
        ];
        for (state, time) in states {
            let labels = [&labels[..], &[("state", state.to_owned())]].concat();
            let name = "laneway_worker_microseconds_total";
            set(SeriesKind::Counter, name, &labels, microseconds(time));
        }
    }
}

fn set_all<T>(table: &[Series<T>], labels: &[(&'static str, String)], owner: &T) {
    for series in table {
        set(series.kind, series.name, labels, (series.value)(owner));
    }
}

fn set(kind: SeriesKind, name: &'static str, labels: &[(&'static str, String)], value: u64) {
    match kind {
        SeriesKind::Gauge => metrics_facade::gauge!(name, labels).set(value as f64),
        SeriesKind::Counter => metrics_facade::counter!(name, labels).absolute(value),
    }
}
