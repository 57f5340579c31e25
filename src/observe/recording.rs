//! A recording: what a recorder held at one moment, in the order of time.
//!
//! The uses of one stand in files of their own: `polls.rs` and `waits.rs` ask it
//! questions, `chrome.rs` and `replay.rs` write it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::kept_name::kept_name;
use super::record::Record;
use crate::ground::ids::{QueueId, TaskId};
use crate::ground::telemetry::{Event, RuntimeShape};

/// The events that a recorder held at one moment. Made by
/// [`Recorder::recording`](super::Recorder::recording).
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
    /// From when on it holds every event.
    pub(super) from: u64,
    /// When it was made.
    pub(super) until: u64,
    dropped: u64,
}

impl Recording {
    pub(super) fn new(shape: RuntimeShape) -> Recording {
        Recording {
            shape,
            records: Vec::new(),
            names: HashMap::new(),
            is_simulated: false,
            from: 0,
            until: 0,
            dropped: 0,
        }
    }

    pub(super) fn add_dropped(&mut self, events: u64) {
        self.dropped += events;
    }

    pub(super) fn add_name(&mut self, task: TaskId, name: Box<str>) {
        self.names.insert(task, name);
    }

    /// Takes over what came from several buffers and lies in the time in which all of them are
    /// whole. Earlier events count as dropped; later ones belong to a later recording.
    pub(super) fn fill(
        &mut self,
        records: impl Iterator<Item = Record>,
        whole: RangeInclusive<u64>,
    ) {
        let mut cut = 0;
        let records = records.inspect(|record| cut += u64::from(record.at < *whole.start()));
        self.records = records
            .filter(|record| whole.contains(&record.at))
            .collect();
        self.records.sort_by_key(|record| record.at);
        self.dropped += cut;
        self.from = *whole.start();
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

    /// How many older events are missing because the buffers were full: from the first one that it
    /// holds on, none is.
    /// [`Recorder::with_capacity`](super::Recorder::with_capacity) has an example.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// When it was made, on the same clock as the times of its events.
    ///
    /// ```
    /// use laneway::observe::{Bookmark, Recorder};
    ///
    /// let recorder = Recorder::new();
    /// let mut bookmark = Bookmark::new();
    /// let first = recorder.read_on(&mut bookmark).made_at();
    /// assert!(recorder.read_on(&mut bookmark).made_at() >= first);
    /// ```
    #[must_use]
    pub fn made_at(&self) -> Duration {
        Duration::from_nanos(self.until)
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

    /// Keeps the last `events` events; those before them count as [dropped](Recording::dropped).
    ///
    /// ```
    /// use laneway::observe::Recorder;
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let recorder = Arc::new(Recorder::new());
    /// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
    /// rt.block_on(rt.spawn(async {}, Priority::Low));
    /// let mut recording = recorder.recording();
    /// let before = recording.len() as u64;
    /// recording.keep_last(2);
    /// assert_eq!((recording.len(), recording.dropped()), (2, before - 2));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn keep_last(&mut self, events: usize) {
        let before = self.records.len().saturating_sub(events);
        self.records.drain(..before);
        self.dropped += before as u64;
        if let Some(first) = self.records.first().filter(|_| before > 0) {
            self.from = first.at;
        }
    }

    /// Asks for the names of the tasks that it tells of and has no name of: of those that were
    /// spawned before a recorder [came](crate::Handle::observe).
    ///
    /// ```
    /// use laneway::observe::Recorder;
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let rt = Runtime::builder().build()?;
    /// let (sender, receiver) = async_channel::bounded::<()>(1);
    /// let task = rt.named("mail").spawn(async move { receiver.recv().await }, Priority::Low);
    /// let recorder = Arc::new(Recorder::new());
    /// let observation = rt.handle().observe(recorder.clone());
    /// sender.try_send(())?;
    ///
    /// let mut recording = recorder.recording();
    /// recording.complete_names(|task| rt.handle().task_name(task));
    /// assert!([None, Some("mail")].contains(&recording.name(task.id())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn complete_names(&mut self, mut name_of: impl FnMut(TaskId) -> Option<Arc<str>>) {
        for task in self.records.iter().filter_map(Record::task) {
            if let Entry::Vacant(entry) = self.names.entry(task)
                && let Some(name) = name_of(task)
            {
                entry.insert(kept_name(&name));
            }
        }
    }

    /// How many workers there are, or were heard of where the start was not told.
    pub(super) fn workers(&self) -> usize {
        let heard_of = self.records.iter().filter_map(Record::worker);
        let heard_of = heard_of.map(|worker| worker.index() + 1).max();
        self.shape.homes.len().max(heard_of.unwrap_or(0))
    }

    /// How many queues there are, or were heard of where the start was not told.
    pub(super) fn queues(&self) -> usize {
        let heard_of = self.records.iter().filter_map(|record| match record.event {
            Event::Scheduled { queue, .. } | Event::Taken { queue, .. } => Some(queue.index() + 1),
            _ => None,
        });
        self.shape.queues.len().max(heard_of.max().unwrap_or(0))
    }

    /// The name of a worker: its home queue, and its place among those of that queue.
    pub(super) fn worker_name(&self, worker: usize) -> String {
        let homes = &self.shape.homes;
        let Some(&home) = homes.get(worker) else {
            return format!("worker {worker}");
        };
        if let Some(number) = self.standby_number(worker) {
            return format!("standby {number}");
        }
        let same_home = |&other: &usize| homes[other] == home;
        let at_home = |&other: &usize| self.standby_number(other).is_none();
        let before = (0..worker).filter(same_home).filter(at_home);
        format!("{} {}", self.queue_name(home), before.count())
    }

    fn standby_number(&self, worker: usize) -> Option<usize> {
        let mut standbys = self.shape.standbys.iter();
        standbys.position(|standby| standby.index() == worker)
    }

    /// A queue's name, or its number where the start was not told.
    pub(super) fn queue_name(&self, queue: QueueId) -> String {
        let name = self.shape.queues.get(queue.index());
        name.cloned()
            .unwrap_or_else(|| format!("queue {}", queue.index()))
    }
}
