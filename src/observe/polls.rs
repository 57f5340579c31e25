//! The story of each poll, by a recording: how long the task had waited, from where it was taken,
//! which worker polled it, and how that ended.

use std::collections::HashMap;

use super::record::Record;
use super::recording::Recording;
use crate::ground::ids::{QueueId, TaskId, WorkerId};
use crate::ground::telemetry::{Event, PollEnd, Source};

/// One poll. A part that was dropped from the recording is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordedPoll {
    pub(super) task: TaskId,
    pub(super) worker: WorkerId,
    pub(super) taken: Option<TakenFrom>,
    pub(super) started_at: u64,
    /// When its thread blocked and another one took over the worker.
    pub(super) replaced_at: Option<u64>,
    /// When and how it ended, unless it went on when the recording was taken.
    pub(super) end: Option<(u64, PollEnd)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenFrom {
    pub(super) queue: QueueId,
    pub(super) from: Source,
    pub(super) scheduled: Option<Scheduled>,
}

/// How a task got into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheduled {
    pub(super) at: u64,
    pub(super) by: Option<WorkerId>,
    pub(super) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Spawned,
    Woken,
    TimerFired,
}

/// Events that share a look at the clock are a nanosecond apart. A task that yields alone is
/// scheduled, left, taken and polled again within one look: that far apart, no time was measured.
const UNMEASURED: u64 = 3;

impl RecordedPoll {
    /// How long the task was queued before, in nanoseconds. 0 if no time was measured.
    pub(super) fn waited(&self) -> Option<u64> {
        let scheduled = self.taken?.scheduled?;
        let waited = self.started_at.saturating_sub(scheduled.at);
        Some(if waited <= UNMEASURED { 0 } else { waited })
    }
}

impl Recording {
    /// The polls, in the order of their starts.
    pub(super) fn polls(&self) -> Vec<RecordedPoll> {
        let mut finder = Finder::default();
        self.records.iter().for_each(|record| finder.add(record));
        finder.polls
    }
}

#[derive(Default)]
struct Finder {
    polls: Vec<RecordedPoll>,
    /// Why a task will be queued next, where it is not a plain wake-up.
    why: HashMap<TaskId, Why>,
    queued: HashMap<TaskId, Scheduled>,
    taken: HashMap<TaskId, TakenFrom>,
    /// The polls that have not ended, by their places in `polls`. More than one for a worker
    /// while tasks block its threads, and for a moment more than one for a task: the thread that
    /// ended a poll may tell so after another has begun the next.
    open: HashMap<(WorkerId, TaskId), Vec<usize>>,
    /// The poll that each worker's thread is in.
    current: HashMap<WorkerId, usize>,
}

impl Finder {
    fn add(&mut self, record: &Record) {
        let at = record.at;
        match record.event {
            Event::Spawned { task, .. } => {
                self.why.insert(task, Why::Spawned);
            }
            Event::TimerFired { task } => {
                self.why.insert(task, Why::TimerFired);
            }
            Event::Scheduled { task, by, .. } => {
                let why = self.why.remove(&task).unwrap_or(Why::Woken);
                self.queued.insert(task, Scheduled { at, by, why });
            }
            Event::Taken {
                task, queue, from, ..
            } => {
                let scheduled = self.queued.remove(&task);
                self.taken.insert(
                    task,
                    TakenFrom {
                        queue,
                        from,
                        scheduled,
                    },
                );
            }
            Event::PollStarted { task, worker } => self.begin(task, worker, at),
            Event::PollEnded { task, worker, end } => self.end(task, worker, (at, end)),
            Event::Replaced { worker } => {
                if let Some(&poll) = self.current.get(&worker) {
                    self.polls[poll].replaced_at = Some(at);
                }
            }
            Event::Parked { .. }
            | Event::Unparked { .. }
            | Event::Cancelled { .. }
            | Event::Escalated { .. }
            | Event::TimerArmed { .. } => {}
        }
    }

    fn begin(&mut self, task: TaskId, worker: WorkerId, at: u64) {
        let place = self.polls.len();
        self.polls.push(RecordedPoll {
            task,
            worker,
            taken: self.taken.remove(&task),
            started_at: at,
            replaced_at: None,
            end: None,
        });
        self.open.entry((worker, task)).or_default().push(place);
        self.current.insert(worker, place);
    }

    fn end(&mut self, task: TaskId, worker: WorkerId, end: (u64, PollEnd)) {
        let Some(open) = self.open.get_mut(&(worker, task)) else {
            // Its start was dropped.
            return;
        };
        let first = open.remove(0);
        if open.is_empty() {
            self.open.remove(&(worker, task));
        }
        self.polls[first].end = Some(end);
        if self.current.get(&worker) == Some(&first) {
            self.current.remove(&worker);
        }
    }
}
