//! The series of numbers that counters are exported as, whichever way: those of runtimes, and of
//! what is built on them.

use crate::background::{PeriodicMetrics, ServiceMetrics, TaskQueueMetrics};
use crate::blocking::BlockingMetrics;
use crate::pipeline::PipelineCounts;
use crate::runtime::{QueueMetrics, WorkerMetrics};

/// One number of each queue, of each worker, or of each of whatever has numbers.
pub(super) struct Series<T> {
    pub(super) kind: SeriesKind,
    /// As Prometheus wants names: of counters with `_total` in the end.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) value: fn(&T) -> u64,
}

/// The kind of a series: whether it may fall.
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
        help: "Times that this worker found nothing to do, and parked or napped.",
        value: |w| w.parks,
    },
];

pub(super) const SERVICE_SERIES: [Series<ServiceMetrics>; 8] = [
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_service_queued",
        help: "Requests that wait for the handler.",
        value: |s| s.queued as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_service_waiting_for_room",
        help: "Requests whose callers wait for room.",
        value: |s| s.waiting_for_room as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_service_in_flight",
        help: "Requests that the handler has taken and not finished.",
        value: |s| s.in_flight as u64,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_service_completed_total",
        help: "Requests that the handler has finished.",
        value: |s| s.completed,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_service_lost_total",
        help: "Requests that the handler had taken when it panicked or was dropped.",
        value: |s| s.lost,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_service_abandoned_total",
        help: "Requests that the handler had taken and that were dropped with their callers.",
        value: |s| s.abandoned,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_service_skipped_total",
        help: "Requests whose callers gave up before the handler took them.",
        value: |s| s.skipped,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_service_restarts_total",
        help: "Times that the state was made anew after a panic.",
        value: |s| s.restarts,
    },
];

pub(super) const PERIODIC_SERIES: [Series<PeriodicMetrics>; 5] = [
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_periodic_queued",
        help: "Ticks whose runs have not begun yet.",
        value: |p| p.queued,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_periodic_running",
        help: "Whether a run is under way: 1, or else 0.",
        value: |p| u64::from(p.running),
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_periodic_completed_total",
        help: "Runs that came to their end.",
        value: |p| p.completed,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_periodic_panicked_total",
        help: "Runs that panicked.",
        value: |p| p.panicked,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_periodic_skipped_total",
        help: "Ticks that came while a run was under way, and were left out.",
        value: |p| p.skipped,
    },
];

pub(super) const TASK_QUEUE_SERIES: [Series<TaskQueueMetrics>; 12] = [
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_task_queue_queued",
        help: "Work that waits for its turn.",
        value: |q| q.queued as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_task_queue_running",
        help: "Work that has begun and not ended.",
        value: |q| q.running as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_task_queue_lingering",
        help: "Work that was cancelled or timed out and still has its place.",
        value: |q| q.lingering as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_task_queue_kept",
        help: "Work that has ended and can still be asked for.",
        value: |q| q.kept as u64,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_submitted_total",
        help: "Work that was taken.",
        value: |q| q.submitted,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_refused_total",
        help: "Submissions that were refused because the queue was full.",
        value: |q| q.refused,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_begun_total",
        help: "Work that has begun.",
        value: |q| q.begun,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_done_total",
        help: "Work that gave a value.",
        value: |q| q.done,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_failed_total",
        help: "Work that panicked, gave an error, or timed out.",
        value: |q| q.failed,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_timed_out_total",
        help: "Work that ran for longer than it was allowed to.",
        value: |q| q.timed_out,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_cancelled_total",
        help: "Work that was cancelled.",
        value: |q| q.cancelled,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_task_queue_expired_total",
        help: "Results that were dropped before they were taken.",
        value: |q| q.expired,
    },
];

pub(super) const PIPELINE_SERIES: [Series<PipelineCounts>; 11] = [
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_ticks_total",
        help: "Ticks that came to a data set.",
        value: |c| c.ticks,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_blocked_total",
        help: "Ticks that had to wait because the outputs were full.",
        value: |c| c.blocked,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_dropped_total",
        help: "Data sets that made room for newer ones.",
        value: |c| c.dropped,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_skipped_total",
        help: "Intervals that were skipped because they had been missed.",
        value: |c| c.skipped,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_coalesced_total",
        help: "Intervals that had been missed and became a part of a longer window.",
        value: |c| c.coalesced,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_done_total",
        help: "Entries with an output.",
        value: |c| c.done,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_failed_total",
        help: "Entries of stages that gave an error.",
        value: |c| c.failed,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_panicked_total",
        help: "Entries of stages that panicked.",
        value: |c| c.panicked,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_timed_out_total",
        help: "Entries of stages that had no result in time.",
        value: |c| c.timed_out,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_input_locked_total",
        help: "Entries of stages that could not read the input in time.",
        value: |c| c.input_locked,
    },
    Series {
        kind: SeriesKind::Counter,
        name: "laneway_pipeline_busy_total",
        help: "Entries of stages whose earlier run had not ended.",
        value: |c| c.busy,
    },
];

pub(super) const BLOCKING_SERIES: [Series<BlockingMetrics>; 4] = [
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_blocking_max_threads",
        help: "Threads that there may be for blocking closures.",
        value: |b| b.max_threads as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_blocking_threads",
        help: "Threads that there are for blocking closures.",
        value: |b| b.threads as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_blocking_idle_threads",
        help: "Threads for blocking closures that have nothing to do.",
        value: |b| b.idle as u64,
    },
    Series {
        kind: SeriesKind::Gauge,
        name: "laneway_blocking_queued",
        help: "Blocking closures that wait for a thread.",
        value: |b| b.queued as u64,
    },
];
