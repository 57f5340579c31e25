//! The recorder: an observer that keeps what it is told, with the time, in bounded memory.
//!
//! Each worker has a buffer of its own, so that no two workers wait for each other; what other
//! threads do goes into one more. A buffer is a row of chunks. When it is full its oldest chunk
//! is emptied and used again, and what was in it is counted as dropped. Nothing is ever moved or
//! written while a worker waits: a recording takes the full chunks by reference.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::recording::Recording;
use super::save::{SaveError, save};
use crate::executor::{Event, Observer, Placement, RuntimeShape, Source, TaskId, WorkerId};
use crate::time::clock::simulated;

/// How many events of each worker are kept unless something else is asked for.
const DEFAULT_CAPACITY: usize = 1 << 17;

/// How many events are dropped at once. Small enough for a recording to copy half a chunk
/// without anybody noticing.
const CHUNK: usize = 512;

/// What is kept of a task's name, in characters.
const NAME_LENGTH: usize = 120;

/// Keeps the last events of one runtime, each with its time.
///
/// Give it to [`Builder::with_observer`](crate::Builder::with_observer), keep a second `Arc` of
/// it, and [`save`](Recorder::save) whenever there is something to look at; recording goes on
/// meanwhile. A recorder is for one runtime: the events of two cannot be told apart.
///
/// Times are in nanoseconds since the first event. In a [simulation](crate::sim) they are those
/// of its clock, which stands still while tasks run: each event is a nanosecond after the one
/// before then, so that their order is kept, and the same seed gives the same recording.
///
/// # What it costs
///
/// Some 250 instructions for each event, of which a task that is spawned, polled once and done
/// with has five. A program that does nothing but schedule takes two to three times as long when
/// it is recorded; polls of 10 µs hardly notice. `benches/recorder.rs` measures it.
///
/// Events that follow each other at once on one thread (a task is taken from the worker's own
/// queue, and its poll starts) share one look at the clock, and are a nanosecond apart.
///
/// # Memory
///
/// An event takes 32 bytes. Of each worker, and of all other threads together, as many events are
/// kept as [`with_capacity`](Recorder::with_capacity) says; then the oldest are dropped, which
/// [`Recording::dropped`] counts. Memory is taken as it is needed.
///
/// ```
/// use laneway::observe::Recorder;
/// use laneway::{Event, Priority, Runtime};
/// use std::sync::Arc;
///
/// let recorder = Arc::new(Recorder::new());
/// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
/// rt.block_on(rt.spawn(async {}, Priority::Low));
///
/// let recording = recorder.recording();
/// let spawns = recording.events().filter(|(_, e)| matches!(e, Event::Spawned { .. }));
/// assert_eq!(spawns.count(), 1);
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct Recorder {
    /// What tells this recorder from all others of the process.
    id: u64,
    capacity: usize,
    /// The time of the first event.
    epoch: OnceLock<Instant>,
    /// The time of the last event in a simulation, where one thread goes on at a time; 0 outside.
    simulated: AtomicU64,
    started: OnceLock<Started>,
    /// What threads that are no workers do, and what comes before the start.
    outside: CachePadded<Mutex<Buffer>>,
}

/// What is known once the runtime has been built.
struct Started {
    shape: RuntimeShape,
    workers: Box<[CachePadded<Mutex<Buffer>>]>,
}

/// One event and its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// In nanoseconds since the recorder's first event.
    pub(super) at: u64,
    pub(super) event: Event,
}

/// The last events of one worker, or of all that is no worker.
struct Buffer {
    /// How many full chunks are kept.
    max_chunks: usize,
    full: VecDeque<Arc<Vec<Record>>>,
    current: Vec<Record>,
    dropped: u64,
    names: VecDeque<(TaskId, Box<str>)>,
}

/// What this thread told last.
#[derive(Clone, Copy)]
struct Last {
    recorder: u64,
    at: u64,
    by: Option<WorkerId>,
    told: Told,
}

/// Which kind of event it was, as far as that tells how soon the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Spawned,
    TimerFired,
    Scheduled,
    /// Scheduled after its own poll.
    Yielded,
    Taken,
    /// Taken from the worker's own queue.
    TakenFromItsOwn,
    PollStarted,
    PollEnded,
    /// The thread has lost its worker, and its poll goes on.
    Replaced,
    Other,
}

thread_local! {
    static LAST: Cell<Last> = const {
        Cell::new(Last {
            recorder: 0,
            at: 0,
            by: None,
            told: Told::Other,
        })
    };
}

impl Recorder {
    /// Makes a recorder that keeps some 131,000 events of each worker: 4 MiB, if they come.
    /// [`Recorder`] has an example.
    #[must_use]
    pub fn new() -> Recorder {
        Recorder::with_capacity(DEFAULT_CAPACITY)
    }

    /// Makes a recorder that keeps the last `events` of each worker, and as many of all other
    /// threads together. Rounded up to a multiple of 512.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    /// use laneway::{Priority, Runtime, join_all};
    /// use std::sync::Arc;
    ///
    /// let recorder = Arc::new(Recorder::with_capacity(512));
    /// let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    /// let rt = builder.with_observer(recorder.clone()).build()?;
    /// join_all((0..10_000).map(|_| rt.spawn(async {}, Priority::Low)));
    /// let recording = recorder.recording();
    /// assert!(recording.len() < 4 * 512);
    /// assert!(recording.dropped() > 30_000);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_capacity(events: usize) -> Recorder {
        // Number 0 is that of threads that have told nothing yet.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Recorder {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            capacity: events,
            epoch: OnceLock::new(),
            simulated: AtomicU64::new(0),
            started: OnceLock::new(),
            outside: CachePadded::new(Mutex::new(Buffer::new(events))),
        }
    }

    /// What has been recorded so far, in the order of time. Recording goes on meanwhile; no
    /// worker waits for longer than it takes to copy half a chunk of 512 events.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    ///
    /// assert!(Recorder::new().recording().is_empty());
    /// ```
    #[must_use]
    pub fn recording(&self) -> Recording {
        let shape = self.started.get().map(|started| started.shape.clone());
        let mut recording = Recording::new(shape.unwrap_or_default());
        recording.is_simulated = self.simulated.load(Ordering::Relaxed) > 0;
        for buffer in self.buffers() {
            let taken = lock(buffer).snapshot();
            for chunk in &taken.full {
                recording.extend(chunk);
            }
            recording.extend(&taken.current);
            recording.add_dropped(taken.dropped);
            taken
                .names
                .into_iter()
                .for_each(|(task, name)| recording.add_name(task, name));
        }
        recording.in_order()
    }

    /// Writes what has been recorded so far to a file, in the format that its extension names:
    /// `html` is the replay page, `json` Chrome's trace event format.
    ///
    /// The recording is kept, whether this succeeds or not: it can be saved again.
    ///
    /// # Errors
    ///
    /// If the extension is another one, and if the file cannot be written.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    ///
    /// let error = Recorder::new().save("run.txt").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     r#"cannot save a recording as "run.txt": end the name in .html (a replay page) or .json (a trace for ui.perfetto.dev)"#,
    /// );
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SaveError> {
        save(path.as_ref(), || self.recording())
    }

    fn buffers(&self) -> impl Iterator<Item = &Mutex<Buffer>> {
        let workers = self.started.get().map(|started| &started.workers[..]);
        let workers = workers.unwrap_or_default().iter();
        workers.chain([&self.outside]).map(|buffer| &**buffer)
    }

    /// Where events of a worker go, or of no worker.
    fn buffer_of(&self, worker: Option<WorkerId>) -> &Mutex<Buffer> {
        let started = self.started.get();
        let workers = started.map(|started| &started.workers);
        let own = workers
            .zip(worker)
            .and_then(|(workers, id)| workers.get(id.index()));
        own.unwrap_or(&self.outside)
    }

    /// The time of an event, later than that of the one before on this thread; in a simulation,
    /// than that of the one before on any thread.
    fn stamp(&self, event: &Event) -> u64 {
        let last = LAST.get();
        let here = last.recorder == self.id;
        let next = if here { last.at + 1 } else { 0 };
        let told = Told::of(event);
        // To read the clock is what costs most.
        let in_one_breath = here && told.comes_at_once_after(last.told);
        let at = if in_one_breath && self.simulated.load(Ordering::Relaxed) == 0 {
            next
        } else {
            match simulated() {
                None => self.since_epoch().max(next),
                Some(clock) => self.after_the_last(nanos(clock)),
            }
        };
        LAST.set(Last {
            recorder: self.id,
            at,
            by: worker_of(event),
            told: told.after(here.then_some(last.told)),
        });
        at
    }

    fn since_epoch(&self) -> u64 {
        let now = Instant::now();
        let epoch = *self.epoch.get_or_init(|| now);
        nanos(now.saturating_duration_since(epoch))
    }

    /// The time by a simulation's clock, or a nanosecond after the last event.
    fn after_the_last(&self, clock: u64) -> u64 {
        // Relaxed: the thread whose turn it is has been told so by the one before.
        let at = clock.max(self.simulated.load(Ordering::Relaxed) + 1);
        self.simulated.store(at, Ordering::Relaxed);
        at
    }
}

impl Observer for Recorder {
    fn on_start(&self, shape: &RuntimeShape) {
        let buffer = |_| CachePadded::new(Mutex::new(Buffer::new(self.capacity)));
        let started = Started {
            shape: shape.clone(),
            workers: shape.homes.iter().map(buffer).collect(),
        };
        let is_first = self.started.set(started).is_ok();
        // The runtime logs what its observer panics with.
        assert!(
            is_first,
            "a recorder is for one runtime: make another for the second, since their events \
             cannot be told apart"
        );
    }

    fn on_event(&self, event: Event) {
        let at = self.stamp(&event);
        lock(self.buffer_of(worker_of(&event))).push(Record { at, event });
    }

    fn on_named(&self, task: TaskId, name: &str) {
        // The task's spawn is what this thread has just told.
        let last = LAST.get();
        let by = last.by.filter(|_| last.recorder == self.id);
        let name = shortened(name);
        lock(self.buffer_of(by)).push_name(task, name);
    }
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

fn nanos(duration: Duration) -> u64 {
    duration.as_secs() * 1_000_000_000 + u64::from(duration.subsec_nanos())
}

impl Told {
    fn of(event: &Event) -> Told {
        match event {
            Event::Spawned { .. } => Told::Spawned,
            Event::TimerFired { .. } => Told::TimerFired,
            Event::Scheduled {
                to: Placement::Deque,
                ..
            } => Told::Yielded,
            Event::Scheduled { .. } => Told::Scheduled,
            Event::Taken {
                from: Source::Local,
                ..
            } => Told::TakenFromItsOwn,
            Event::Taken { .. } => Told::Taken,
            Event::PollStarted { .. } => Told::PollStarted,
            Event::PollEnded { .. } => Told::PollEnded,
            Event::Replaced { .. } => Told::Replaced,
            _ => Told::Other,
        }
    }

    /// Whether this is told right after the one before by the same thread, with next to nothing
    /// in between, and with nothing that another thread could have done meanwhile: in its own
    /// queue, a worker finds what it has put there itself.
    fn comes_at_once_after(self, before: Told) -> bool {
        matches!(
            (before, self),
            (Told::Spawned | Told::TimerFired, Told::Scheduled)
                | (Told::Yielded, Told::PollEnded)
                | (Told::PollEnded, Told::TakenFromItsOwn)
                | (Told::TakenFromItsOwn | Told::Taken, Told::PollStarted)
        )
    }

    /// What is to be remembered of this. A thread whose worker was taken over may wait for long
    /// after its poll.
    fn after(self, before: Option<Told>) -> Told {
        match (before, self) {
            (Some(Told::Replaced), Told::PollEnded) => Told::Other,
            (Some(Told::Replaced), _) => Told::Replaced,
            _ => self,
        }
    }
}

/// The worker on whose thread an event was told.
pub(super) fn worker_of(event: &Event) -> Option<WorkerId> {
    match *event {
        Event::Spawned { by, .. }
        | Event::Scheduled { by, .. }
        | Event::Cancelled { by, .. }
        | Event::Escalated { by, .. }
        | Event::TimerArmed { by, .. } => by,
        Event::Taken { worker, .. }
        | Event::PollStarted { worker, .. }
        | Event::PollEnded { worker, .. }
        | Event::Parked { worker }
        | Event::Unparked { worker }
        | Event::Replaced { worker } => Some(worker),
        Event::TimerFired { .. } => None,
    }
}

pub(super) fn shortened(name: &str) -> Box<str> {
    match name.char_indices().nth(NAME_LENGTH) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

impl Buffer {
    fn new(capacity: usize) -> Buffer {
        Buffer {
            max_chunks: capacity.div_ceil(CHUNK).max(1),
            full: VecDeque::new(),
            current: Vec::new(),
            dropped: 0,
            names: VecDeque::new(),
        }
    }

    fn push(&mut self, record: Record) {
        if self.current.len() == self.current.capacity() {
            self.begin_chunk();
        }
        self.current.push(record);
    }

    /// Puts the full chunk to the others, and the oldest of them in its place if there are
    /// enough.
    #[cold]
    fn begin_chunk(&mut self) {
        let oldest = match self.full.len() < self.max_chunks {
            true => None,
            false => self.full.pop_front(),
        };
        self.dropped += oldest.as_ref().map_or(0, |chunk| chunk.len() as u64);
        // A recording may hold on to it.
        let mut chunk = oldest
            .and_then(Arc::into_inner)
            .unwrap_or_else(|| Vec::with_capacity(CHUNK));
        chunk.clear();
        let full = mem::replace(&mut self.current, chunk);
        if !full.is_empty() {
            self.full.push_back(Arc::new(full));
        }
    }

    fn push_name(&mut self, task: TaskId, name: Box<str>) {
        // A task that came and went has left four events at least: more names than this have no
        // event any more.
        if self.names.len() >= self.max_chunks * CHUNK / 4 {
            self.names.pop_front();
        }
        self.names.push_back((task, name));
    }

    fn snapshot(&self) -> Buffer {
        Buffer {
            max_chunks: self.max_chunks,
            full: self.full.clone(),
            current: self.current.clone(),
            dropped: self.dropped,
            names: self.names.clone(),
        }
    }
}

fn lock(buffer: &Mutex<Buffer>) -> MutexGuard<'_, Buffer> {
    // A poisoned lock is fine: a buffer is whole between any two of its calls.
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}
