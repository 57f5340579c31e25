//! The series of numbers that a runtime's counters are exported as, whichever way.

use crate::runtime::{QueueMetrics, WorkerMetrics};

/// One number of each queue, or of each worker.
pub(super) struct Series<T> {
    pub(super) kind: SeriesKind,
    /// As Prometheus wants names: of counters with `_total` in the end.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) value: fn(&T) -> u64,
}

/// What a series may do.
#[derive(Clone, Copy)]
pub(super) enum SeriesKind {
    /// It only grows.
    Counter,
    Gauge,
}

pub(super) const QUEUE_SERIES: [Series<QueueMetrics>; 9] = [
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_queue_depth",
        help: "Tasks that wait to be polled.",
        value: |q| q.depth as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_tasks_live",
        help: "Tasks that have not ended.",
        value: QueueMetrics::live,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_tasks_spawned_total",
        help: "Tasks that were spawned.",
        value: |q| q.spawned,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_tasks_completed_total",
        help: "Tasks that came to their end.",
        value: |q| q.completed,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_tasks_panicked_total",
        help: "Tasks that panicked.",
        value: |q| q.panicked,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_tasks_cancelled_total",
        help: "Tasks that were cancelled.",
        value: |q| q.cancelled,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_polls_total",
        help: "Polls of tasks in this queue.",
        value: |q| q.polls,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_stolen_out_total",
        help: "Polls of tasks in this queue by workers at home elsewhere.",
        value: |q| q.stolen,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_stolen_in_total",
        help: "Polls of tasks in other queues by workers at home here.",
        value: |q| q.stolen_in,
    },
];

pub(super) const WORKER_SERIES: [Series<WorkerMetrics>; 3] = [
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_worker_polls_total",
        help: "Polls by this worker.",
        value: |w| w.polls,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_worker_steals_total",
        help: "Times that this worker took tasks from another worker.",
        value: |w| w.steals,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_worker_parks_total",
        help: "Times that this worker found nothing to do and lay down.",
        value: |w| w.parks,
    },
];
