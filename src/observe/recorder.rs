//! The recorder: an observer that keeps what it is told, with the time, in bounded memory.
//!
//! Each worker has a track of its own (`track.rs`), which the thread that sits on it writes without
//! asking another thread; so has the first other thread that tells something, which as a rule is
//! the one that spawns. All others share a track, under a lock. A track holds its events in a ring
//! (`ring.rs`), packed into numbers (`packed.rs`), and the names of tasks beside it (`names.rs`).

mod bookmark;
mod names;
pub(super) mod packed;
mod ring;
mod track;

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::kept_name::kept_name;
use super::record::Record;
use super::recording::Recording;
use super::save::{SaveError, save};
use crate::ground::ids::TaskId;
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::{Event, Observer, RuntimeShape};
use crate::time::clock::simulated;

pub use bookmark::Bookmark;
use packed::{EventKind, MOST_TELLERS, Packed, spawned_at};
use ring::Stamped;
use track::Track;

/// How many events of each worker are kept unless something else is asked for.
const DEFAULT_CAPACITY: usize = 1 << 17;

/// The most that can be asked for: 4 GiB of events.
const MAX_CAPACITY: usize = 1 << 27;

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
/// Some 200 instructions for each event, one third of them to tell it to the observer; a task that
/// is spawned, polled once and done with has five events. Its workers' events take no lock, and no
/// thread waits while a recording is made. A program that does nothing but schedule takes up to
/// three times as long when it is recorded; polls of 10 µs hardly notice. `benches/recorder`
/// measures it.
///
/// Events that follow each other at once on one thread (a task is taken from the worker's own
/// queue, and its poll starts) share one look at the clock, and are a nanosecond apart.
///
/// # Memory
///
/// An event takes 32 bytes. Of each worker, of the first other thread that tells something, and of
/// all others together, as many events are kept as [`with_capacity`](Recorder::with_capacity)
/// says; then the oldest are dropped, which [`Recording::dropped`] counts, and a recording begins
/// where the shortest of these memories does. Memory is taken as it is
/// needed, 16 kB at a time, and then used again.
///
/// A time that the timer is to wait for is kept up to 101 days; a longer time is for ever.
///
/// ```
/// use laneway::observe::{Event, Recorder};
/// use laneway::{Priority, Runtime};
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
    /// The number by which this recorder is told from all others of the process.
    id: u64,
    capacity: usize,
    /// The time of the first event.
    epoch: OnceLock<Instant>,
    /// The time of the last event in a simulation, where one thread goes on at a time; 0 outside.
    simulated: AtomicU64,
    started: OnceLock<Recorded>,
    /// The events of threads that own no track, and before the start.
    shared: CachePadded<Track>,
    /// Held by the thread that writes to the shared track. Readers do not need it, or a thread
    /// would wait for as long as it takes to read.
    sharing: Mutex<()>,
}

/// The facts that are known once the runtime has been built.
struct Recorded {
    shape: RuntimeShape,
    /// That of the first thread that is no worker, and then the workers' in their order: as
    /// [`Packed::teller`] counts.
    tracks: Box<[CachePadded<Track>]>,
}

/// A track of a recorder, in one number: the recorder's, and the track's in its lowest bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TrackId(u64);

/// Where nothing is recorded: there is no recorder of this number.
const NOWHERE: TrackId = TrackId(0);

thread_local! {
    /// The track that this thread told its last event to, if it owns it. So it need not look at
    /// the owner for each event; and a name that is given now belongs there.
    static HERE: Cell<TrackId> = const { Cell::new(NOWHERE) };
}

impl Recorder {
    /// Makes a recorder that keeps some 131,000 events of each worker: 4 MiB, if they come.
    /// [`Recorder`] has an example.
    #[must_use]
    pub fn new() -> Recorder {
        Recorder::with_capacity(DEFAULT_CAPACITY)
    }

    /// Makes a recorder that keeps the last `events` of each worker, as many of the first other
    /// thread, and as many of all others together. Rounded up to a multiple of 512, and down to
    /// 2^27, which are 4 GiB.
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
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let capacity = events.min(MAX_CAPACITY);
        Recorder {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            capacity,
            epoch: OnceLock::new(),
            simulated: AtomicU64::new(0),
            started: OnceLock::new(),
            shared: CachePadded::new(Track::new(capacity)),
            sharing: Mutex::new(()),
        }
    }

    /// The events that have been recorded so far, in the order of time. Recording goes on
    /// meanwhile, and no worker waits; events that are dropped before they have been read count as
    /// dropped.
    ///
    /// It begins where nothing is missing any more: from the time on from which all threads' last
    /// events are kept. A thread's earlier events are left out where another's has been dropped,
    /// and count as dropped too: else a poll would seem to go on whose end was among it.
    ///
    /// ```
    /// use laneway::observe::Recorder;
    ///
    /// assert!(Recorder::new().recording().is_empty());
    /// ```
    #[must_use]
    pub fn recording(&self) -> Recording {
        self.read(&mut Bookmark::new())
    }

    /// Gives the events that have been recorded since this bookmark was used last, in the order of
    /// time, and moves the bookmark on: for a reader that follows what happens, in pieces that are
    /// bounded by the recorder's memory.
    ///
    /// An event that was overwritten before it could be read counts as
    /// [dropped](Recording::dropped); the piece begins where nothing is missing any more, as a
    /// [`recording`](Recorder::recording) does. Pieces follow each other in time, except that a
    /// thread which was interrupted while it told something may add that to the next piece.
    ///
    /// ```
    /// use laneway::observe::{Bookmark, Recorder};
    /// use laneway::{Priority, Runtime};
    /// use std::sync::Arc;
    ///
    /// let recorder = Arc::new(Recorder::new());
    /// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
    /// let mut bookmark = Bookmark::new();
    /// rt.block_on(rt.spawn(async {}, Priority::Low));
    /// assert!(!recorder.read_on(&mut bookmark).is_empty());
    ///
    /// drop(rt);
    /// recorder.read_on(&mut bookmark);
    /// assert!(recorder.read_on(&mut bookmark).is_empty());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn read_on(&self, bookmark: &mut Bookmark) -> Recording {
        // Where nothing has happened yet, the recorder's time begins now.
        self.epoch.get_or_init(Instant::now);
        self.read(bookmark)
    }

    fn read(&self, bookmark: &mut Bookmark) -> Recording {
        let shape = self.started.get().map(|started| started.shape.clone());
        let mut recording = Recording::new(shape.unwrap_or_default());
        recording.is_simulated = self.simulated.load(Ordering::Relaxed) > 0;
        let until = self.present();
        recording.until = until;
        let mut kept = Vec::new();
        let mut from = 0;
        for (number, track) in self.tracks().enumerate() {
            let place = bookmark.track_mark(number);
            let (events, first) = track.read_from(place.event);
            // A bookmark of another recorder may be ahead of all that this one has ever kept.
            let dropped = first.saturating_sub(place.event);
            if dropped > 0 {
                let first = events.first().map_or(until, |first| first.at);
                from = from.max(first);
            }
            recording.add_dropped(dropped);
            // Later events belong to a later piece. A track's times never fall.
            let whole = events.partition_point(|event| event.at <= until);
            place.event = first + whole as u64;
            kept.extend(events.into_iter().take(whole));
            // Copied by reference: a thread that names a task now does not wait for long.
            let names = track.names().clone();
            for (task, name) in names.iter_from(place.first_name(names.given())) {
                recording.add_name(*task, name.clone());
            }
        }
        let records = kept.into_iter().map(|stamped| Record {
            at: stamped.at,
            event: stamped.event.event(stamped.place),
        });
        recording.fill(records, from..=until);
        recording
    }

    /// The time by the clock, after which tracks that are read one after another may tell of one
    /// thread what they do not tell of another. In a simulation they tell of one thread at a time.
    fn present(&self) -> u64 {
        match self.simulated.load(Ordering::Relaxed) {
            0 => self.epoch.get().map_or(0, |epoch| nanos(epoch.elapsed())),
            _ => u64::MAX,
        }
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

    fn tracks(&self) -> impl Iterator<Item = &Track> {
        let own = self.started.get().map(|started| &started.tracks[..]);
        let own = own.unwrap_or_default().iter();
        // First the one that is there before the start: bookmarks count on the order.
        [&self.shared].into_iter().chain(own).map(|track| &**track)
    }

    /// The track that events of this teller go to, as [`Packed::teller`] counts them.
    #[inline]
    fn track(&self, teller: usize) -> Option<&Track> {
        let track = self.started.get()?.tracks.get(teller)?;
        Some(track)
    }

    #[inline]
    fn track_id(&self, teller: usize) -> TrackId {
        TrackId(self.id * MOST_TELLERS as u64 + teller as u64)
    }

    /// Makes a track the one that this thread tells its events to, unless another thread owns it.
    #[cold]
    fn move_to(&self, event: Packed) {
        let own = self
            .track(event.teller())
            .filter(|track| match event.kind() {
                // The thread that blocked in this poll may be the first to tell something since it
                // gave up its worker, and will tell no more.
                EventKind::PollEnded => track.is_own(),
                _ => track.claim(),
            });
        HERE.set(own.map_or(NOWHERE, |_| self.track_id(event.teller())));
    }

    /// Records an event that others may have come before, at the time that it is now.
    ///
    /// Kept apart from what is told at once, which has no calls in it then: that saves a dozen
    /// instructions, of some sixty.
    #[inline(never)]
    fn push_now(&self, event: Packed, place: Option<&'static Location<'static>>) {
        if HERE.get() != self.track_id(event.teller()) {
            self.move_to(event);
        }
        let push = |track: &Track| {
            track.make_room_and_push(Stamped {
                at: self.now_after(track),
                event,
                place,
            });
        };
        let own = self.track(event.teller());
        match own.filter(|_| HERE.get() != NOWHERE) {
            Some(track) => push(track),
            None => {
                let _sharing = unpoisoned(self.sharing.lock());
                push(&self.shared);
            }
        }
        if event.kind() == EventKind::Replaced {
            own.filter(|track| track.is_own())
                .inspect(|track| track.give_up());
            HERE.set(NOWHERE);
        }
    }

    /// The time by the clock, later than that of the event before on this track; in a simulation,
    /// than that of the one before on any.
    fn now_after(&self, track: &Track) -> u64 {
        match simulated() {
            None => self.since_epoch().max(track.next()),
            Some(clock) => self.after_the_last(nanos(clock)),
        }
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
        let tracks = 0..=shape.homes.len();
        let started = Recorded {
            shape: shape.clone(),
            tracks: tracks
                .map(|_| CachePadded::new(Track::new(self.capacity)))
                .collect(),
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
        // First: it counts as a call, before which registers have to be saved.
        let here = HERE.get();
        let packed = Packed::of(&event);
        let teller = packed.teller();
        if here == self.track_id(teller)
            && let Some(track) = self.track(teller)
            && track.takes_at_once(packed)
            && self.simulated.load(Ordering::Relaxed) == 0
        {
            // The reading of the clock costs most.
            track.push(Stamped {
                at: track.next(),
                event: packed,
                place: None,
            });
        } else {
            self.push_now(packed, spawned_at(&event));
        }
    }

    fn on_named(&self, task: TaskId, name: &str) {
        // The task's spawn is what this thread has just told.
        let TrackId(here) = HERE.get();
        let own = (here / MOST_TELLERS as u64 == self.id)
            .then(|| self.track(here as usize % MOST_TELLERS))
            .flatten();
        own.unwrap_or(&self.shared).push_name(task, kept_name(name));
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

/// The latest time that a clock is read as, after 292 years. The events of a simulation that goes
/// on for longer follow each other from then on without a wait.
const LATEST: u64 = u64::MAX >> 1;

fn nanos(duration: Duration) -> u64 {
    let of_seconds = duration.as_secs().saturating_mul(1_000_000_000);
    let nanos = of_seconds.saturating_add(u64::from(duration.subsec_nanos()));
    nanos.min(LATEST)
}

#[cfg(test)]
mod tests;
