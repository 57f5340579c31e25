//! Chrome's trace event format: JSON that ui.perfetto.dev and chrome://tracing open.
//!
//! The format is defined in the document "Trace Event Format" of the Chromium project. These parts
//! of it are used: metadata (`M`) that names the tracks, complete events (`X`) for polls and for
//! the time that a worker is parked, flow events (`s` to `f`) for the arrows, counters (`C`) for
//! the queues, and instants (`i`). Times are in microseconds.
//!
//! Readers rely on this order: events come in the order of time; the slices of one track follow
//! each other or lie within each other; an arrow is bound to the slices that enclose its ends, so
//! both ends need one. An event where no slice is, as on threads that are no workers, is given a
//! slice of a nanosecond.
//!
//! So all is gathered first (`gather`), as small [`Piece`]s, and written in their order.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use super::json::Quoted;
use super::polls::{RecordedPoll, Why};
use super::record::Record;
use super::recording::Recording;
use crate::ground::ids::{QueueId, TaskId, WorkerId};
use crate::ground::telemetry::{Event, PollEnd, Source};

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
    let mut trace = Trace::new(recording, &polls);
    trace.gather();
    let mut pieces = std::mem::take(&mut trace.pieces);
    pieces.sort_by_key(Piece::order);
    writeln!(
        out,
        r#"{{"displayTimeUnit":"ns","otherData":{{"writer":"laneway","dropped_events":{}}},"traceEvents":["#,
        recording.dropped()
    )?;
    trace.name_tracks(out)?;
    for piece in &pieces {
        writeln!(out, ",")?;
        trace.write_piece(out, piece)?;
    }
    writeln!(out, "\n]}}")
}

/// One event of the trace.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    track: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// A poll, by its number, and how long this part of it lasted.
    Poll {
        poll: usize,
        lasts: u64,
    },
    Park {
        lasts: u64,
    },
    /// A moment in which an arrow begins, where nothing else is.
    Moment {
        arrow: Arrow,
    },
    ArrowBegins {
        arrow: Arrow,
        id: usize,
    },
    ArrowEnds {
        arrow: Arrow,
        id: usize,
    },
    Waiting {
        queue: QueueId,
        count: usize,
    },
    /// An event, by its number in the recording.
    Instant {
        record: usize,
    },
}

/// A reason for a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrow {
    Spawn,
    Wake,
    Timer,
    Steal,
}

impl Arrow {
    fn name(self) -> &'static str {
        match self {
            Arrow::Spawn => "spawn",
            Arrow::Wake => "wake",
            Arrow::Timer => "timer",
            Arrow::Steal => "steal",
        }
    }
}

impl Piece {
    /// By time. At one moment, slices come before what happens in them, and the longer one before
    /// the one that lies within it.
    fn order(&self) -> (u64, u8, std::cmp::Reverse<u64>) {
        let (rank, lasts) = match self.what {
            What::Poll { lasts, .. } | What::Park { lasts } => (0, lasts),
            What::Moment { .. } => (0, MOMENT),
            What::ArrowEnds { .. } => (1, 0),
            What::ArrowBegins { .. } => (2, 0),
            What::Waiting { .. } | What::Instant { .. } => (3, 0),
        };
        (self.at, rank, std::cmp::Reverse(lasts))
    }
}

/// How long a slice lasts that stands for a moment. Times are whole numbers of it, so that it
/// crosses no other slice's border.
const MOMENT: u64 = 1;

/// Where the polls of one worker lie on its track: from and to, one after another.
type PollSpans = Vec<(u64, u64)>;

struct Trace<'a> {
    recording: &'a Recording,
    polls: &'a [RecordedPoll],
    workers: usize,
    places: HashMap<TaskId, String>,
    last_at: u64,
    /// When each worker begins its next poll after each of these.
    next_start: Vec<u64>,
    spans: Vec<PollSpans>,
    /// How many tracks there are for polls that go on without a worker.
    blocked_tracks: usize,
    pieces: Vec<Piece>,
}

/// A time in the format's unit, exact to the nanosecond.
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl<'a> Trace<'a> {
    fn new(recording: &'a Recording, polls: &'a [RecordedPoll]) -> Trace<'a> {
        let place = |record: &Record| match record.event {
            Event::Spawned {
                task, spawned_at, ..
            } => Some((task, spawned_at.to_string())),
            _ => None,
        };
        let workers = recording.workers();
        Trace {
            recording,
            polls,
            workers,
            places: recording.records.iter().filter_map(place).collect(),
            last_at: recording.records.last().map_or(0, |last| last.at),
            next_start: next_starts(polls),
            spans: vec![PollSpans::new(); workers],
            blocked_tracks: 0,
            pieces: Vec::new(),
        }
    }

    fn gather(&mut self) {
        self.gather_polls();
        self.gather_blocked();
        self.gather_parks();
        self.gather_arrows();
        self.gather_counts();
        self.gather_instants();
    }

    fn add(&mut self, track: usize, at: u64, what: What) {
        self.pieces.push(Piece { at, track, what });
    }

    fn track(&self, worker: Option<WorkerId>) -> usize {
        worker.map_or(OUTSIDE, |worker| OUTSIDE + 1 + worker.index())
    }

    // Slices.

    fn end_of(&self, poll: &RecordedPoll) -> u64 {
        let end = poll.end.map_or(self.last_at, |(at, _)| at);
        end.max(poll.started_at + MOMENT)
    }

    fn gather_polls(&mut self) {
        for (number, poll) in self.polls.iter().enumerate() {
            let from = poll.started_at;
            let end = poll.replaced_at.unwrap_or_else(|| self.end_of(poll));
            // A worker is in one poll at a time, whatever became of the end of this one.
            let to = end.min(self.next_start[number]);
            let lasts = to - from;
            self.spans[poll.worker.index()].push((from, to));
            let track = self.track(Some(poll.worker));
            self.add(
                track,
                from,
                What::Poll {
                    poll: number,
                    lasts,
                },
            );
        }
    }

    /// Polls that go on without a worker may overlap: each is given a track that is free.
    fn gather_blocked(&mut self) {
        let mut busy_until: Vec<u64> = Vec::new();
        let blocked = self.polls.iter().enumerate();
        let mut blocked: Vec<(u64, usize)> = blocked
            .filter_map(|(number, poll)| Some((poll.replaced_at?, number)))
            .collect();
        blocked.sort_unstable();
        for (from, poll) in blocked {
            let to = self.end_of(&self.polls[poll]).max(from + MOMENT);
            let free = busy_until.iter().position(|&until| until <= from);
            let lane = free.unwrap_or(busy_until.len());
            busy_until.resize(busy_until.len().max(lane + 1), 0);
            busy_until[lane] = to;
            let lasts = to - from;
            let track = OUTSIDE + 1 + self.workers + lane;
            self.add(track, from, What::Poll { poll, lasts });
        }
        self.blocked_tracks = busy_until.len();
    }

    fn gather_parks(&mut self) {
        let recording = self.recording;
        let mut parked: HashMap<WorkerId, u64> = HashMap::new();
        // One that is woken first has slept since before the recording's beginning.
        let mut heard_of = vec![false; self.workers];
        for record in &recording.records {
            let since = match record.event {
                Event::Parked { worker } => {
                    parked.insert(worker, record.at);
                    None
                }
                Event::Unparked { worker } => {
                    let from_the_start = !heard_of[worker.index()];
                    let since = parked.remove(&worker);
                    since.or(from_the_start.then_some(recording.from))
                }
                Event::PollStarted { worker, .. } => parked.remove(&worker),
                _ => None,
            };
            let Some(worker) = record.worker() else {
                continue;
            };
            heard_of[worker.index()] = true;
            if let Some(since) = since {
                self.park(worker, since, record.at);
            }
        }
        for (worker, since) in parked {
            self.park(worker, since, self.last_at);
        }
    }

    fn park(&mut self, worker: WorkerId, from: u64, to: u64) {
        let lasts = to.saturating_sub(from);
        if lasts > 0 {
            self.add(self.track(Some(worker)), from, What::Park { lasts });
        }
    }

    // Arrows.

    fn gather_arrows(&mut self) {
        // The last poll that each worker began.
        let mut last_of: HashMap<WorkerId, u64> = HashMap::new();
        for (number, poll) in self.polls.iter().enumerate() {
            let Some(taken) = poll.taken else {
                last_of.insert(poll.worker, poll.started_at);
                continue;
            };
            if let Some(scheduled) = taken.scheduled {
                let arrow = match scheduled.why {
                    Why::Spawned => Arrow::Spawn,
                    Why::Woken => Arrow::Wake,
                    Why::TimerFired => Arrow::Timer,
                };
                self.enclose(arrow, scheduled.by, scheduled.at);
                let from = (self.track(scheduled.by), scheduled.at);
                self.arrow(arrow, 2 * number, from, poll);
            }
            if let Source::Worker(victim) = taken.from
                && let Some(&at) = last_of.get(&victim)
            {
                let from = (self.track(Some(victim)), at);
                self.arrow(Arrow::Steal, 2 * number + 1, from, poll);
            }
            last_of.insert(poll.worker, poll.started_at);
        }
    }

    /// Sees to it that there is a slice where an arrow is to begin.
    fn enclose(&mut self, arrow: Arrow, by: Option<WorkerId>, at: u64) {
        let within = by.is_some_and(|worker| {
            let spans = &self.spans[worker.index()];
            let begun = spans.partition_point(|&(from, _)| from <= at);
            begun > 0 && at < spans[begun - 1].1
        });
        if !within {
            self.add(self.track(by), at, What::Moment { arrow });
        }
    }

    /// An arrow from a moment on a track to the beginning of a poll.
    fn arrow(&mut self, arrow: Arrow, id: usize, (track, at): (usize, u64), to: &RecordedPoll) {
        self.add(track, at, What::ArrowBegins { arrow, id });
        let track = self.track(Some(to.worker));
        self.add(track, to.started_at, What::ArrowEnds { arrow, id });
    }

    // Queues.

    /// How many tasks are known to wait in each queue. Those that were queued before the
    /// recording's beginning are not.
    fn gather_counts(&mut self) {
        let mut waits_in: HashMap<TaskId, QueueId> = HashMap::new();
        let mut counts = vec![0; self.recording.queues()];
        for record in &self.recording.records {
            let (task, to) = match record.event {
                Event::Scheduled { task, queue, .. } => (task, Some(queue)),
                Event::Taken { task, .. } | Event::Cancelled { task, .. } => (task, None),
                _ => continue,
            };
            let from = match to {
                Some(queue) => waits_in.insert(task, queue),
                None => waits_in.remove(&task),
            };
            if from == to {
                continue;
            }
            let changes = from.map(|queue| (queue, -1)).into_iter();
            for (queue, by) in changes.chain(to.map(|queue| (queue, 1))) {
                let count = &mut counts[queue.index()];
                *count = usize::checked_add_signed(*count, by).expect("it waited there");
                let count = *count;
                self.add(OUTSIDE, record.at, What::Waiting { queue, count });
            }
        }
    }

    fn gather_instants(&mut self) {
        for (number, record) in self.recording.records.iter().enumerate() {
            let is_shown = matches!(
                record.event,
                Event::Cancelled { .. } | Event::Escalated { .. } | Event::TimerArmed { .. }
            );
            if is_shown {
                let track = self.track(record.worker());
                self.add(track, record.at, What::Instant { record: number });
            }
        }
    }

    // Writing.

    fn name_tracks(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(
            out,
            r#"{{"ph":"M","pid":1,"tid":0,"ts":0.000,"name":"process_name","args":{{"name":"laneway"}}}}"#
        )?;
        name_track(out, OUTSIDE, "other threads")?;
        for worker in 0..self.workers {
            name_track(
                out,
                OUTSIDE + 1 + worker,
                &self.recording.worker_name(worker),
            )?;
        }
        for lane in 0..self.blocked_tracks {
            name_track(out, OUTSIDE + 1 + self.workers + lane, "blocked in a task")?;
        }
        Ok(())
    }

    fn write_piece(&self, out: &mut dyn Write, piece: &Piece) -> io::Result<()> {
        match piece.what {
            What::Poll { poll, lasts } => self.write_poll(out, piece, &self.polls[poll], lasts),
            What::Park { lasts } => {
                let rest = format_args!(r#""dur":{},"cat":"idle","name":"parked""#, Micros(lasts));
                write_event(out, 'X', piece, rest)
            }
            What::Moment { arrow } => {
                let (lasts, name) = (Micros(MOMENT), arrow.name());
                let rest = format_args!(r#""dur":{lasts},"cat":"outside","name":"{name}""#);
                write_event(out, 'X', piece, rest)
            }
            What::ArrowBegins { arrow, id } => {
                let name = arrow.name();
                let rest = format_args!(r#""cat":"{name}","name":"{name}","id":{id}"#);
                write_event(out, 's', piece, rest)
            }
            What::ArrowEnds { arrow, id } => {
                let name = arrow.name();
                let rest = format_args!(r#""cat":"{name}","name":"{name}","id":{id},"bp":"e""#);
                write_event(out, 'f', piece, rest)
            }
            What::Waiting { queue, count } => {
                let name = format!("queue {}", self.recording.queue_name(queue));
                let name = Quoted(&name);
                let rest = format_args!(r#""name":{name},"args":{{"waiting":{count}}}"#);
                write_event(out, 'C', piece, rest)
            }
            What::Instant { record } => self.write_instant(out, piece, record),
        }
    }

    fn write_poll(
        &self,
        out: &mut dyn Write,
        piece: &Piece,
        poll: &RecordedPoll,
        lasts: u64,
    ) -> io::Result<()> {
        let lasts = Micros(lasts);
        let title = self.title(poll.task);
        let name = Quoted(&title);
        let details = self.details(poll);
        let rest = format_args!(r#""dur":{lasts},"cat":"poll","name":{name},"args":{{{details}}}"#);
        write_event(out, 'X', piece, rest)
    }

    fn write_instant(&self, out: &mut dyn Write, piece: &Piece, record: usize) -> io::Result<()> {
        let (what, task) = match self.recording.records[record].event {
            Event::Cancelled { task, .. } => ("cancelled", task),
            Event::Escalated { task, .. } => ("escalated", task),
            Event::TimerArmed { task, .. } => ("timer armed", task),
            _ => return Ok(()),
        };
        let name = format!("{what} {task}");
        let rest = format_args!(r#""s":"t","cat":"task","name":{}"#, Quoted(&name));
        write_event(out, 'i', piece, rest)
    }

    /// The title of a task's slices.
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
}

/// When the worker of each poll begins its next one.
fn next_starts(polls: &[RecordedPoll]) -> Vec<u64> {
    let mut next: HashMap<WorkerId, u64> = HashMap::new();
    let mut starts = vec![u64::MAX; polls.len()];
    for (number, poll) in polls.iter().enumerate().rev() {
        if let Some(later) = next.insert(poll.worker, poll.started_at) {
            starts[number] = later;
        }
    }
    starts
}

fn name_track(out: &mut dyn Write, track: usize, name: &str) -> io::Result<()> {
    let name = Quoted(name);
    write!(
        out,
        r#",
{{"ph":"M","pid":1,"tid":{track},"ts":0.000,"name":"thread_name","args":{{"name":{name}}}}},
{{"ph":"M","pid":1,"tid":{track},"ts":0.000,"name":"thread_sort_index","args":{{"sort_index":{track}}}}}"#
    )
}

/// Writes one event: the part that all have, and the fields that come after it.
fn write_event(
    out: &mut dyn Write,
    kind: char,
    piece: &Piece,
    rest: fmt::Arguments<'_>,
) -> io::Result<()> {
    let (track, at) = (piece.track, Micros(piece.at));
    write!(
        out,
        r#"{{"ph":"{kind}","pid":1,"tid":{track},"ts":{at},{rest}}}"#
    )
}
