//! Chrome's trace event format: JSON that ui.perfetto.dev and chrome://tracing open.
//!
//! The format is defined in the document "Trace Event Format" of the Chromium project. What is
//! used of it: metadata (`M`) that names the tracks, complete events (`X`) for polls and for the
//! time that a worker is parked, flow events (`s` to `f`) for the arrows, counters (`C`) for the
//! queues, and instants (`i`). Times are in microseconds.
//!
//! An arrow is bound to the slices that enclose its ends, so both ends need one. What happens on
//! threads that are no workers gets slices without a length on a track of its own.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use super::json::Quoted;
use super::polls::{RecordedPoll, Why};
use super::record::Record;
use super::recording::Recording;
use crate::executor::{Event, PollEnd, QueueId, Source, TaskId, WorkerId};

/// The track of threads that are no workers. Those of workers follow, then those of blocked
/// threads.
const OUTSIDE: usize = 1;

impl Recording {
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
        write(self, out)
    }
}

fn write(recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    let polls = recording.polls();
    let mut trace = Trace::new(recording, out);
    trace.begin()?;
    trace.name_tracks(&polls)?;
    for poll in &polls {
        trace.poll(poll)?;
    }
    trace.arrows(&polls)?;
    trace.parks()?;
    trace.counters()?;
    trace.instants()?;
    trace.end()
}

struct Trace<'a> {
    recording: &'a Recording,
    out: &'a mut dyn Write,
    workers: usize,
    places: HashMap<TaskId, String>,
    last_at: u64,
    is_first: bool,
}

/// A time in the format's unit, exact to the nanosecond.
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl<'a> Trace<'a> {
    fn new(recording: &'a Recording, out: &'a mut dyn Write) -> Trace<'a> {
        let place = |record: &Record| match record.event {
            Event::Spawned {
                task, spawned_at, ..
            } => Some((task, spawned_at.to_string())),
            _ => None,
        };
        Trace {
            recording,
            out,
            workers: recording.workers(),
            places: recording.records.iter().filter_map(place).collect(),
            last_at: recording.records.last().map_or(0, |last| last.at),
            is_first: true,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        writeln!(
            self.out,
            r#"{{"displayTimeUnit":"ns","otherData":{{"writer":"laneway","dropped_events":{}}},"traceEvents":["#,
            self.recording.dropped()
        )
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "\n]}}")
    }

    /// Writes one event: the part that all have, and the fields that come after it.
    fn event(
        &mut self,
        kind: char,
        track: usize,
        at: u64,
        rest: fmt::Arguments<'_>,
    ) -> io::Result<()> {
        let comma = if self.is_first { "" } else { ",\n" };
        self.is_first = false;
        let at = Micros(at);
        write!(
            self.out,
            r#"{comma}{{"ph":"{kind}","pid":1,"tid":{track},"ts":{at},{rest}}}"#
        )
    }

    fn track(&self, worker: Option<WorkerId>) -> usize {
        worker.map_or(OUTSIDE, |worker| OUTSIDE + 1 + worker.index())
    }

    // Tracks.

    fn name_tracks(&mut self, polls: &[RecordedPoll]) -> io::Result<()> {
        let rest = format_args!(r#""name":"process_name","args":{{"name":"laneway"}}"#);
        self.event('M', 0, 0, rest)?;
        self.name_track(OUTSIDE, "other threads")?;
        for worker in 0..self.workers {
            let name = self.recording.worker_name(worker);
            self.name_track(OUTSIDE + 1 + worker, &name)?;
        }
        for (_, track) in self.blocked(polls) {
            self.name_track(track, "blocked in a task")?;
        }
        Ok(())
    }

    fn name_track(&mut self, track: usize, name: &str) -> io::Result<()> {
        let name = Quoted(name);
        let rest = format_args!(r#""name":"thread_name","args":{{"name":{name}}}"#);
        self.event('M', track, 0, rest)?;
        let rest = format_args!(r#""name":"thread_sort_index","args":{{"sort_index":{track}}}"#);
        self.event('M', track, 0, rest)
    }

    /// The tracks of polls that went on without a worker, which may overlap.
    fn blocked(&self, polls: &[RecordedPoll]) -> Vec<(usize, usize)> {
        let mut busy_until: Vec<u64> = Vec::new();
        let mut tracks = Vec::new();
        for (index, poll) in polls.iter().enumerate() {
            let Some(from) = poll.replaced_at else {
                continue;
            };
            let free = busy_until.iter().position(|&until| until <= from);
            let lane = free.unwrap_or(busy_until.len());
            busy_until.resize(busy_until.len().max(lane + 1), 0);
            busy_until[lane] = self.end_of(poll);
            tracks.push((index, OUTSIDE + 1 + self.workers + lane));
        }
        tracks
    }

    // Slices.

    fn end_of(&self, poll: &RecordedPoll) -> u64 {
        poll.end.map_or(self.last_at, |(at, _)| at)
    }

    fn poll(&mut self, poll: &RecordedPoll) -> io::Result<()> {
        let end = poll.replaced_at.unwrap_or_else(|| self.end_of(poll));
        self.poll_slice(poll, self.track(Some(poll.worker)), (poll.started_at, end))
    }

    fn poll_slice(
        &mut self,
        poll: &RecordedPoll,
        track: usize,
        (from, to): (u64, u64),
    ) -> io::Result<()> {
        let lasts = Micros(to.saturating_sub(from));
        let title = self.title(poll.task);
        let name = Quoted(&title);
        let details = self.details(poll);
        let rest = format_args!(r#""dur":{lasts},"cat":"poll","name":{name},"args":{{{details}}}"#);
        self.event('X', track, from, rest)
    }

    /// What a task's slices are called.
    fn title(&self, task: TaskId) -> String {
        match (self.recording.name(task), self.places.get(&task)) {
            (Some(name), _) => format!("{name} {task}"),
            (None, Some(place)) => format!("{place} {task}"),
            (None, None) => format!("task {task}"),
        }
    }

    fn details(&self, poll: &RecordedPoll) -> String {
        let task = poll.task.0;
        let end = match poll.end {
            None => "goes on",
            Some((_, PollEnd::Pending)) => "pending",
            Some((_, PollEnd::Yielded)) => "yielded",
            Some((_, PollEnd::Ready)) => "ready",
            Some((_, PollEnd::Panicked)) => "panicked",
            Some((_, PollEnd::Cancelled)) => "cancelled",
        };
        let mut details = format!(r#""task":{task},"end":"{end}""#);
        if let Some(place) = self.places.get(&poll.task) {
            details += &format!(r#","spawned_at":{}"#, Quoted(place));
        }
        if let Some(taken) = poll.taken {
            let queue = self.recording.queue_name(taken.queue);
            details += &format!(r#","queue":{}"#, Quoted(&queue));
            if let Source::Worker(victim) = taken.from {
                let victim = self.recording.worker_name(victim.index());
                details += &format!(r#","stolen_from":{}"#, Quoted(&victim));
            }
        }
        if let Some(waited) = poll.waited() {
            details += &format!(r#","waited_us":{}"#, Micros(waited));
        }
        details
    }

    fn parks(&mut self) -> io::Result<()> {
        let recording = self.recording;
        let mut parked: HashMap<WorkerId, u64> = HashMap::new();
        for record in &recording.records {
            match record.event {
                Event::Parked { worker } => {
                    parked.insert(worker, record.at);
                }
                Event::Unparked { worker } => {
                    let since = parked.remove(&worker);
                    self.park(worker, since.unwrap_or(0), record.at)?;
                }
                _ => {}
            }
        }
        for (worker, since) in parked {
            self.park(worker, since, self.last_at)?;
        }
        Ok(())
    }

    fn park(&mut self, worker: WorkerId, from: u64, to: u64) -> io::Result<()> {
        let lasts = Micros(to.saturating_sub(from));
        let rest = format_args!(r#""dur":{lasts},"cat":"idle","name":"parked""#);
        self.event('X', self.track(Some(worker)), from, rest)
    }

    // Arrows.

    fn arrows(&mut self, polls: &[RecordedPoll]) -> io::Result<()> {
        for (poll, track) in self.blocked(polls) {
            let poll = &polls[poll];
            let from = poll.replaced_at.unwrap_or(poll.started_at);
            self.poll_slice(poll, track, (from, self.end_of(poll)))?;
        }
        // The last poll that each worker began.
        let mut last_of: HashMap<WorkerId, u64> = HashMap::new();
        for (number, poll) in polls.iter().enumerate() {
            let Some(taken) = poll.taken else {
                last_of.insert(poll.worker, poll.started_at);
                continue;
            };
            if let Some(scheduled) = taken.scheduled {
                let name = match scheduled.why {
                    Why::Spawned => "spawn",
                    Why::Woken => "wake",
                    Why::TimerFired => "timer",
                };
                let from = self.track(scheduled.by);
                if from == OUTSIDE {
                    let rest = format_args!(r#""dur":0,"cat":"outside","name":"{name}""#);
                    self.event('X', from, scheduled.at, rest)?;
                }
                self.arrow(name, 2 * number, (from, scheduled.at), poll)?;
            }
            if let Source::Worker(victim) = taken.from
                && let Some(&at) = last_of.get(&victim)
            {
                self.arrow(
                    "steal",
                    2 * number + 1,
                    (self.track(Some(victim)), at),
                    poll,
                )?;
            }
            last_of.insert(poll.worker, poll.started_at);
        }
        Ok(())
    }

    /// An arrow from a moment on a track to the beginning of a poll.
    fn arrow(
        &mut self,
        name: &str,
        id: usize,
        (track, at): (usize, u64),
        to: &RecordedPoll,
    ) -> io::Result<()> {
        let both = format!(r#""cat":"{name}","name":"{name}","id":{id}"#);
        self.event('s', track, at, format_args!("{both}"))?;
        let track = self.track(Some(to.worker));
        let rest = format_args!(r#"{both},"bp":"e""#);
        self.event('f', track, to.started_at, rest)
    }

    // Queues.

    fn counters(&mut self) -> io::Result<()> {
        let recording = self.recording;
        let mut waiting: HashMap<QueueId, u64> = HashMap::new();
        for record in &recording.records {
            let (queue, change): (QueueId, fn(u64) -> u64) = match record.event {
                Event::Scheduled { queue, .. } => (queue, |n| n + 1),
                // Where the scheduling was dropped, there is less than is known.
                Event::Taken { queue, .. } => (queue, |n| n.saturating_sub(1)),
                _ => continue,
            };
            let count = waiting.entry(queue).or_default();
            *count = change(*count);
            let count = *count;
            let name = format!("queue {}", recording.queue_name(queue));
            let name = Quoted(&name);
            let rest = format_args!(r#""name":{name},"args":{{"waiting":{count}}}"#);
            self.event('C', OUTSIDE, record.at, rest)?;
        }
        Ok(())
    }

    fn instants(&mut self) -> io::Result<()> {
        let recording = self.recording;
        for record in &recording.records {
            let (what, task, by) = match record.event {
                Event::Cancelled { task, by } => ("cancelled", task, by),
                Event::Escalated { task, by } => ("escalated", task, by),
                Event::TimerArmed { task, by, .. } => ("timer armed", task, by),
                _ => continue,
            };
            let name = format!("{what} {task}");
            let rest = format_args!(r#""s":"t","cat":"task","name":{}"#, Quoted(&name));
            self.event('i', self.track(by), record.at, rest)?;
        }
        Ok(())
    }
}
