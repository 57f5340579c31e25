//! A recording: what a recorder held at one moment, in the order of time.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use super::polls::{self, Poll};
use super::recorder::{Record, worker_of};
use super::{chrome, replay};
use crate::executor::{Event, QueueId, RuntimeShape, TaskId};

/// What a recorder held at one moment. Made by [`Recorder::recording`](super::Recorder::recording).
///
/// ```
/// use laneway::observe::Recorder;
/// use laneway::{Priority, Runtime, join_all};
/// use std::sync::Arc;
///
/// let recorder = Arc::new(Recorder::new());
/// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
/// join_all((0..10).map(|_| rt.spawn(async {}, Priority::High)));
///
/// let recording = recorder.recording();
/// let times: Vec<_> = recording.events().map(|(at, _)| at).collect();
/// assert!(times.is_sorted());
/// let mut page = Vec::new();
/// recording.write_replay(&mut page)?;
/// assert!(page.starts_with(b"<!doctype html>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) shape: RuntimeShape,
    pub(super) records: Vec<Record>,
    pub(super) names: HashMap<TaskId, Box<str>>,
    /// Whether the times are those of a simulation.
    pub(super) is_simulated: bool,
    dropped: u64,
}

/// How long tasks waited in one queue, from each scheduling to the start of the poll. Made by
/// [`Recording::waits`].
///
/// ```
/// use laneway::observe::Recorder;
/// use laneway::{Priority, QueueId, Runtime, join_all};
/// use std::sync::Arc;
///
/// let recorder = Arc::new(Recorder::new());
/// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
/// join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
/// let waits = recorder.recording().waits();
/// let low = &waits[QueueId::LOW.index()];
/// assert_eq!((low.queue.as_str(), low.count), ("low", 100));
/// assert!(low.p50 <= low.p99 && low.p99 <= low.max);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueWaits {
    /// The queue's name.
    pub queue: String,
    /// How many waits there were.
    pub count: usize,
    /// Half of them took no longer than this.
    pub p50: Duration,
    /// 99 of 100 took no longer than this.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Recording {
    pub(super) fn new(shape: RuntimeShape) -> Recording {
        Recording {
            shape,
            records: Vec::new(),
            names: HashMap::new(),
            is_simulated: false,
            dropped: 0,
        }
    }

    pub(super) fn extend(&mut self, records: impl Iterator<Item = Record>) {
        self.records.extend(records);
    }

    pub(super) fn add_dropped(&mut self, events: u64) {
        self.dropped += events;
    }

    pub(super) fn add_name(&mut self, task: TaskId, name: Box<str>) {
        self.names.insert(task, name);
    }

    /// Sorts by time what came from several buffers.
    pub(super) fn in_order(mut self) -> Recording {
        self.records.sort_by_key(|record| record.at);
        self
    }

    /// The events and their times since the first one, in the order of time. Where the times of
    /// two threads are equal, which comes first is not said. [`Recording`] has an example.
    pub fn events(&self) -> impl Iterator<Item = (Duration, Event)> {
        let records = self.records.iter();
        records.map(|record| (Duration::from_nanos(record.at), record.event))
    }

    /// How many events it holds. [`Recorder`](super::Recorder) has an example.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds no event. [`Recorder::recording`](super::Recorder::recording) has an
    /// example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many older events were dropped because the buffers were full.
    /// [`Recorder::with_capacity`](super::Recorder::with_capacity) has an example.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The name that a task was given, shortened to 120 characters.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let recorder = Arc::new(Recorder::new());
    /// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
    /// let task = rt.spawn(async {}, Priority::Low);
    /// assert_eq!(recorder.recording().name(task.id()), None);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn name(&self, task: TaskId) -> Option<&str> {
        self.names.get(&task).map(|name| &**name)
    }

    /// How long tasks waited, for each queue in the order of
    /// [`QueueId::index`](crate::QueueId::index). [`QueueWaits`] has an example.
    #[must_use]
    pub fn waits(&self) -> Vec<QueueWaits> {
        let mut waits: Vec<Vec<u64>> = vec![Vec::new(); self.shape.queues.len()];
        for poll in self.polls() {
            let queue = poll.taken.map(|taken| taken.queue.index());
            let of_queue = queue.and_then(|queue| waits.get_mut(queue));
            if let Some((of_queue, wait)) = of_queue.zip(poll.waited()) {
                of_queue.push(wait);
            }
        }
        let names = self.shape.queues.iter().cloned();
        names
            .zip(waits)
            .map(|(queue, waits)| QueueWaits::of(queue, waits))
            .collect()
    }

    /// Writes Chrome's trace event format, which <https://ui.perfetto.dev> and
    /// `chrome://tracing` open: a track for each worker, a slice for each poll, arrows for
    /// wake-ups and steals, and the queues' lengths as counters.
    ///
    /// # Errors
    ///
    /// If `out` fails.
    ///
    /// ```
    /// let mut trace = Vec::new();
    /// laneway::observe::Recorder::new().recording().write_trace(&mut trace)?;
    /// assert!(trace.starts_with(b"{"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_trace(&self, out: &mut dyn Write) -> io::Result<()> {
        chrome::write(self, out)
    }

    /// Writes the replay page: HTML, in one piece. [`Recording`] has an example.
    ///
    /// # Errors
    ///
    /// If `out` fails.
    pub fn write_replay(&self, out: &mut dyn Write) -> io::Result<()> {
        replay::write_page(self, out)
    }

    /// The element that shows this recording inside of another page, which has to include
    /// [`replay::STYLE`] and [`replay::SCRIPT`] once.
    ///
    /// ```
    /// let recording = laneway::observe::Recorder::new().recording();
    /// let fragment = recording.to_replay_fragment();
    /// assert!(fragment.starts_with(r#"<div class="laneway-replay">"#));
    /// ```
    #[must_use]
    pub fn to_replay_fragment(&self) -> String {
        replay::fragment(self)
    }

    /// The recording in the replay page's own format, JSON: see [`replay`].
    ///
    /// ```
    /// let json = laneway::observe::Recorder::new().recording().to_replay_json();
    /// assert!(json.starts_with(r#"{"format":"laneway-replay","version":1,"#));
    /// ```
    #[must_use]
    pub fn to_replay_json(&self) -> String {
        replay::Json(self).to_string()
    }

    pub(super) fn polls(&self) -> Vec<Poll> {
        polls::find(&self.records)
    }

    /// How many workers there are, or were heard of where the start was not told.
    pub(super) fn workers(&self) -> usize {
        let heard_of = self
            .records
            .iter()
            .filter_map(|record| worker_of(&record.event));
        let heard_of = heard_of.map(|worker| worker.index() + 1).max();
        self.shape.homes.len().max(heard_of.unwrap_or(0))
    }

    /// What a worker is called: its home queue, and its place among those of that queue.
    pub(super) fn worker_name(&self, worker: usize) -> String {
        let homes = &self.shape.homes;
        let Some(&home) = homes.get(worker) else {
            return format!("worker {worker}");
        };
        let before = homes[..worker].iter().filter(|&&other| other == home);
        format!("{} {}", self.queue_name(home), before.count())
    }

    /// A queue's name, or its number where the start was not told.
    pub(super) fn queue_name(&self, queue: QueueId) -> String {
        let name = self.shape.queues.get(queue.index());
        name.cloned()
            .unwrap_or_else(|| format!("queue {}", queue.index()))
    }
}

impl QueueWaits {
    fn of(queue: String, mut nanos: Vec<u64>) -> QueueWaits {
        nanos.sort_unstable();
        // The smallest that so many percent of them do not exceed.
        let percentile = |percent: usize| {
            let rank = (nanos.len() * percent).div_ceil(100).max(1);
            Duration::from_nanos(nanos.get(rank - 1).copied().unwrap_or(0))
        };
        QueueWaits {
            queue,
            count: nanos.len(),
            p50: percentile(50),
            p99: percentile(99),
            max: percentile(100),
        }
    }
}
