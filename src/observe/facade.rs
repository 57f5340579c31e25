//! A runtime's counters through the `metrics` crate (feature `metrics`).

use super::series::{QUEUE_SERIES, SeriesKind, WORKER_SERIES};
use crate::runtime::RuntimeMetrics;

/// Hands a runtime's counters to the recorder that was installed for the `metrics` crate, whichever
/// exporter that belongs to. Call it every so often, for instance from a
/// [`background::every`](crate::background::every).
///
/// The names and labels are those of [`prometheus`](super::prometheus()), except that the time of
/// each worker is `laneway_worker_microseconds_total`, because counters are whole numbers there.
/// Without a recorder nothing happens.
///
/// ```
/// use laneway::Runtime;
/// use laneway::observe::facade::publish;
///
/// let rt = Runtime::builder().build()?;
/// publish(&rt.metrics());
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub fn publish(metrics: &RuntimeMetrics) {
    for series in QUEUE_SERIES {
        for queue in &metrics.queues {
            let labels = [("queue", queue.name.clone())];
            set(series.kind, series.name, &labels, (series.value)(queue));
        }
    }
    for (number, worker) in metrics.workers.iter().enumerate() {
        let home = metrics.queues[worker.home.index()].name.clone();
        let labels = [("worker", number.to_string()), ("home", home)];
        for series in WORKER_SERIES {
            set(series.kind, series.name, &labels, (series.value)(worker));
        }
        let states = [
            ("busy", worker.busy),
            ("searching", worker.searching),
            ("parked", worker.parked),
        ];
        for (state, time) in states {
            let [worker, home] = labels.clone();
            let labels = [worker, home, ("state", state.to_owned())];
            let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            set(
                SeriesKind::Counter,
                "laneway_worker_microseconds_total",
                &labels,
                us,
            );
        }
    }
}

fn set(kind: SeriesKind, name: &'static str, labels: &[(&'static str, String)], value: u64) {
    match kind {
        SeriesKind::Gauge => metrics_facade::gauge!(name, labels).set(value as f64),
        SeriesKind::Counter => metrics_facade::counter!(name, labels).absolute(value),
    }
}
