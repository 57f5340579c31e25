//! Processes that run at a period.
//!
//! Ticks are counted while a run is under way, which is how overlaps are known; a run is never
//! begun while another one is under way. `ticks.rs` says when they come.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::yield_now;

use super::errand::{Payload, caught};
use super::future::Background;
use super::lodging::{Boxed, Life, Lodging, Size, Within};
use super::repeatable::Repeatable;
use super::ticks::{TickSource, Ticks, Timetable};
use crate::ground::shield::{drop_shielded, log_error, message};
use crate::ground::sync::unpoisoned;
use crate::ground::waker::keep;
use crate::shutdown_begun;
use crate::time::{MissedTickBehavior, now};

/// A process that runs every `period`, the first time at once, and a handle to watch and stop it.
/// [`Every`] offers more.
///
/// The process is an async closure or an async fn without arguments. Its captures are kept
/// from run to run. One run ends before the next begins; a tick that comes while a run is under
/// way is left out, unless [`Every::overlap`] says otherwise.
///
/// Nothing happens until the [`Background`] is spawned or awaited. The time runs from its first
/// poll.
///
/// # Panics
///
/// If the period is zero. A panic in a run ends that run and not the process: it goes to the log
/// as an error, [`Periodic::metrics`] counts it and keeps its message, and the next run comes when
/// it is due. The captures of the closure are as the panic left them.
///
/// # The end
///
/// When the runtime begins to shut down, a run that is under way goes on, and no other is begun,
/// also not one that is due. The background ends with that run; if the deadline of
/// [`shutdown`](crate::Runtime::shutdown) comes first, it is cut off as any task is. Tasks that a
/// run spawns during shutdown are cancelled, as always then. [`Periodic::stop`] has the same effect
/// on any executor.
///
/// # Cancellation
///
/// A background that is dropped drops its run in the middle.
///
/// ```
/// use laneway::{Priority, Runtime, background};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// let beats = Arc::new(AtomicU64::new(0));
/// let count = beats.clone();
/// let (_heart, background) = background::every(Duration::from_millis(1), async move || {
///     count.fetch_add(1, Ordering::Relaxed);
/// });
///
/// let rt = Runtime::builder().build()?;
/// rt.spawn(background, Priority::Low).detach();
/// while beats.load(Ordering::Relaxed) < 3 {
///     std::thread::yield_now();
/// }
/// assert!(rt.shutdown(Duration::from_secs(10)).is_clean());
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[doc(alias("cron", "schedule", "periodic"))]
#[track_caller]
pub fn every<F>(period: Duration, run: F) -> (Periodic, Background<impl Future<Output = ()>>)
where
    F: Repeatable<()>,
{
    Every::new(period).build(run)
}

/// Sets up a periodic process.
///
/// ```
/// use laneway::background::{Every, Overlap};
/// use laneway::time::MissedTickBehavior;
/// use std::time::Duration;
///
/// let (rotation, _background) = Every::new(Duration::from_secs(3600))
///     .name("log rotation")
///     .initial_delay(Duration::from_secs(60))
///     .jitter(Duration::from_secs(30))
///     .missed_ticks(MissedTickBehavior::Skip)
///     .overlap(Overlap::Queue)
///     .build(async || println!("rotated"));
/// assert_eq!(rotation.metrics().name, "log rotation");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a process does nothing until it is built and its background spawned"]
pub struct Every {
    name: String,
    timetable: Timetable,
    overlap: Overlap,
}

/// The fate of a tick that comes while a run is under way, whether that waits, computes, or blocks
/// its thread. A tick at the very moment of the end begins the next run.
///
/// ```
/// use laneway::background::Overlap;
///
/// assert_eq!(Overlap::default(), Overlap::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// It is left out, and counted. The default.
    #[default]
    Skip,
    /// Its run begins when those before it have ended: as many runs as ticks. The queue is a
    /// number, and grows for as long as runs take longer than the period.
    Queue,
}

impl Every {
    /// Every `period`; the first run comes at once.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let run = Sim::seed(1).run(async move {
    ///     let (hourly, background) = Every::new(hour).build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(hour * 5 / 2).await;
    ///     hourly.metrics().completed
    /// });
    /// assert_eq!(run?.output, 3);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    #[track_caller]
    pub fn new(period: Duration) -> Every {
        assert!(
            !period.is_zero(),
            "the period of a process must not be zero"
        );
        Every {
            name: "unnamed".to_owned(),
            timetable: Timetable {
                period,
                initial_delay: Duration::ZERO,
                jitter: Duration::ZERO,
                missed: MissedTickBehavior::Skip,
            },
            overlap: Overlap::default(),
        }
    }

    /// The name that shows in [`metrics`](Periodic::metrics) and in the log. Default: `unnamed`.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use std::time::Duration;
    ///
    /// let every = Every::new(Duration::from_secs(1)).name("heart");
    /// let (beat, _background) = every.build(async || ());
    /// assert_eq!(beat.metrics().name, "heart");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Every {
        self.name = name.into();
        self
    }

    /// How long the first run waits. Default: not at all.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let run = Sim::seed(1).run(async move {
    ///     let (late, background) = Every::new(minute).initial_delay(minute).build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(minute / 2).await;
    ///     let before = late.metrics().completed;
    ///     sleep(minute).await;
    ///     (before, late.metrics().completed)
    /// });
    /// assert_eq!(run?.output, (0, 1));
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn initial_delay(mut self, delay: Duration) -> Every {
        self.timetable.initial_delay = delay;
        self
    }

    /// Puts each run off by a time of its own, drawn at random from zero to this: many processes
    /// that were started together do not run together. It does not add up from run to run.
    /// Default: none.
    ///
    /// # Panics
    ///
    /// If it is longer than the period.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let (minute, jitter) = (Duration::from_secs(60), Duration::from_secs(5));
    /// let run = Sim::seed(1).run(async move {
    ///     let (beat, background) = Every::new(minute).jitter(jitter).build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(99 * minute + 2 * jitter).await;
    ///     beat.metrics().completed
    /// });
    /// assert_eq!(run?.output, 100);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    #[track_caller]
    pub fn jitter(mut self, jitter: Duration) -> Every {
        let period = self.timetable.period;
        assert!(
            jitter <= period,
            "a jitter of {jitter:?} is longer than the period of {period:?}"
        );
        self.timetable.jitter = jitter;
        self
    }

    /// Sets the fate of ticks that were missed, since no thread was free or the program stood
    /// still. Default: [`MissedTickBehavior::Skip`], which goes on in step. (Ticks that come during
    /// a run are no missed ticks; see [`overlap`](Every::overlap).)
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::sim::{Sim, work};
    /// use laneway::spawn_task;
    /// use laneway::time::{MissedTickBehavior, sleep};
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// // One worker, which another task takes for three ticks.
    /// let run = Sim::seed(1).high(0).low(1).run(async move {
    ///     let every = Every::new(second).missed_ticks(MissedTickBehavior::Burst);
    ///     let (beat, background) = every.build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(second / 2).await;
    ///     spawn_task!(async move { work(3 * second) }).await;
    ///     sleep(second / 4).await;
    ///     beat.metrics().completed
    /// });
    /// assert_eq!(run?.output, 4);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn missed_ticks(mut self, behavior: MissedTickBehavior) -> Every {
        self.timetable.missed = behavior;
        self
    }

    /// Sets the fate of a tick that comes while a run is under way. Default: [`Overlap::Skip`].
    ///
    /// ```
    /// use laneway::background::{Every, Overlap};
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// let run = Sim::seed(1).run(async move {
    ///     let every = Every::new(second).overlap(Overlap::Queue);
    ///     let (slow, background) = every.build(async move || sleep(second * 5 / 2).await);
    ///     let _task = spawn_task!(background);
    ///     sleep(second * 9 / 4).await;
    ///     slow.metrics()
    /// });
    /// let metrics = run?.output;
    /// assert_eq!((metrics.running, metrics.queued, metrics.skipped), (true, 2, 0));
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn overlap(mut self, overlap: Overlap) -> Every {
        self.overlap = overlap;
        self
    }

    /// Makes the process and its handle, as [`every`](every()) does.
    ///
    /// ```
    /// use laneway::background::Every;
    /// use laneway::spawn_task;
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (sender, runs) = mpsc::channel();
    /// let run = async move || sender.send("ran").unwrap();
    /// let (once, background) = Every::new(Duration::MAX).build(run);
    /// let task = spawn_task!(background);
    /// assert_eq!(runs.recv(), Ok("ran"));
    /// once.stop();
    /// laneway::block_on(task);
    /// ```
    pub fn build<F>(self, run: F) -> (Periodic, Background<impl Future<Output = ()>>)
    where
        F: Repeatable<()>,
    {
        let start = move || Ticks::start(self.timetable);
        process(self.name, self.overlap, start, run)
    }
}

/// A process whose ticks `start` starts, with its first poll, and its handle.
pub(super) fn process<T: TickSource, F: Repeatable<()>>(
    name: String,
    overlap: Overlap,
    start: impl FnOnce() -> T,
    run: F,
) -> (Periodic, Background<impl Future<Output = ()>>) {
    let books = Arc::new(Books {
        name,
        entries: Mutex::default(),
    });
    let handle = Periodic {
        books: books.clone(),
    };
    let keeper = Keeper { books };
    // Boxed, since a run may be large, and the background is handed on before it is a task's.
    let life = match size_of_run(&run) {
        Size::Small => Life::Within(Box::pin(live::<Within, _>(keeper, start, overlap, run))),
        Size::Large => Life::WithBoxes(Box::pin(live::<Boxed, _>(keeper, start, overlap, run))),
    };
    (handle, Background::new(life))
}

fn size_of_run<F: Repeatable<()>>(_: &F) -> Size {
    Size::of_maker::<(), F>()
}

/// The process's life.
async fn live<L: Lodging, T: TickSource>(
    keeper: Keeper,
    start: impl FnOnce() -> T,
    overlap: Overlap,
    mut run: impl Repeatable<()>,
) {
    let books = &keeper.books;
    let mut ticks = start();
    let mut end = pin!(futures_lite::future::or(shutdown_begun(), books.stopped()));
    while is_due(&mut ticks, books, end.as_mut()).await {
        let underway = books.begin();
        let one = pin!(caught(async { L::lodge(run()).await }));
        let ended = counting(&mut ticks, books, overlap, one).await;
        underway.end(ended);
        // Runs that are ready at once leave the thread to others between them.
        yield_now().await;
    }
}

/// Waits until a run is due. `false`: the end came first.
async fn is_due(
    ticks: &mut impl TickSource,
    books: &Books,
    mut end: Pin<&mut impl Future<Output = ()>>,
) -> bool {
    poll_fn(|cx| {
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        if let Poll::Ready(come) = ticks.poll_ticks(cx) {
            books.queue(come);
        }
        match books.queued() {
            0 => Poll::Pending,
            _ => Poll::Ready(true),
        }
    })
    .await
}

/// Waits for a run, and deals with the ticks that come meanwhile: while it waits and, as the thread
/// did not look at the clock then, while it computes.
async fn counting<T>(
    ticks: &mut impl TickSource,
    books: &Books,
    overlap: Overlap,
    mut run: Pin<&mut impl Future<Output = T>>,
) -> T {
    poll_fn(|cx| {
        let ended = run.as_mut().poll(cx);
        let come = match ended {
            Poll::Ready(_) => ticks.take_before(now()),
            Poll::Pending => ticks.take_and_wait(cx),
        };
        match overlap {
            Overlap::Skip => books.skip(come),
            Overlap::Queue => books.queue(come),
        }
        ended
    })
    .await
}

/// Watches a periodic process and stops it. Cheap to clone; dropping it changes nothing.
///
/// ```
/// use laneway::{background, block_on, spawn_task};
/// use std::time::Duration;
///
/// let (beat, background) = background::every(Duration::from_secs(3600), async || ());
/// let task = spawn_task!(background);
/// beat.stop();
/// block_on(task);
/// assert!(beat.metrics().completed <= 1);
/// ```
#[derive(Clone)]
pub struct Periodic {
    books: Arc<Books>,
}

impl Periodic {
    /// Begins no further run. One that is under way goes on to its end, and the background ends
    /// with it. [`Periodic`] has an example.
    pub fn stop(&self) {
        let mut entries = self.books.lock();
        entries.stopped = true;
        let waker = entries.waker.take();
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(entries);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The counts of the process so far. See [`PeriodicMetrics`].
    ///
    /// ```
    /// use laneway::background;
    /// use std::time::Duration;
    ///
    /// let (beat, _background) = background::every(Duration::from_secs(1), async || ());
    /// assert_eq!(beat.metrics().completed, 0);
    /// ```
    #[must_use]
    pub fn metrics(&self) -> PeriodicMetrics {
        let metrics = self.books.lock().metrics.clone();
        PeriodicMetrics {
            name: self.books.name.clone(),
            ..metrics
        }
    }
}

impl fmt::Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Periodic").field(&self.metrics()).finish()
    }
}

/// The present state and the counts of a periodic process. Made by [`Periodic::metrics`].
///
/// ```
/// use laneway::background::Every;
/// use laneway::{block_on, spawn_task};
/// use std::time::Duration;
///
/// let odd = async || if true { panic!("odd") };
/// let (process, background) = Every::new(Duration::from_secs(3600)).name("odd jobs").build(odd);
/// let task = spawn_task!(background);
/// while process.metrics().panicked == 0 {
///     std::thread::yield_now();
/// }
/// process.stop();
/// block_on(task);
/// let metrics = process.metrics();
/// assert_eq!((metrics.name.as_str(), metrics.completed, metrics.panicked), ("odd jobs", 0, 1));
/// assert_eq!(metrics.last_panic.as_deref(), Some("odd"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeriodicMetrics {
    /// The name that [`Every::name`] gave.
    pub name: String,
    /// Runs that came to their end.
    pub completed: u64,
    /// Runs that panicked.
    pub panicked: u64,
    /// The message of the last of these panics, where that is a string.
    pub last_panic: Option<String>,
    /// Ticks that came while a run was under way, and were left out. Those of a run that computes
    /// or blocks are known at its next await.
    pub skipped: u64,
    /// Ticks whose runs have not begun yet.
    pub queued: u64,
    /// Whether a run is under way.
    pub running: bool,
}

/// The state that a process and its handles share.
struct Books {
    name: String,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    metrics: PeriodicMetrics,
    stopped: bool,
    /// Of the process while it waits.
    waker: Option<Waker>,
}

impl Books {
    fn queue(&self, ticks: u64) {
        let metrics = &mut self.lock().metrics;
        metrics.queued = metrics.queued.saturating_add(ticks);
    }

    fn skip(&self, ticks: u64) {
        let metrics = &mut self.lock().metrics;
        metrics.skipped = metrics.skipped.saturating_add(ticks);
    }

    fn queued(&self) -> u64 {
        self.lock().metrics.queued
    }

    /// Begins a run that is due.
    fn begin(&self) -> Underway<'_> {
        let metrics = &mut self.lock().metrics;
        let left = metrics.queued.checked_sub(1);
        metrics.queued = left.expect("the process waits until a run is due");
        metrics.running = true;
        Underway { books: self }
    }

    async fn stopped(&self) {
        poll_fn(|cx| self.poll_stopped(cx)).await;
    }

    fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut entries = self.lock();
        if entries.stopped {
            return Poll::Ready(());
        }
        let replaced = keep(&mut entries.waker, cx.waker());
        // Unlock before dropping what may be the last of a task.
        drop(entries);
        drop(replaced);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A waker's `clone` may panic under the lock; the books are whole even then.
        unpoisoned(self.entries.lock())
    }
}

/// The process's side of the books. Dropped, it takes its waker out: a waker keeps its task's
/// memory, and handles keep the books.
struct Keeper {
    books: Arc<Books>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let waker = self.books.lock().waker.take();
        drop_shielded(waker);
    }
}

/// A run that is under way, until it is dropped.
struct Underway<'b> {
    books: &'b Books,
}

impl Underway<'_> {
    fn end(self, run: Result<(), Payload>) {
        let mut entries = self.books.lock();
        let Err(payload) = run else {
            entries.metrics.completed += 1;
            return;
        };
        entries.metrics.panicked += 1;
        entries.metrics.last_panic = Some(message(&*payload).to_owned());
        let runs = entries.metrics.completed + entries.metrics.panicked;
        // Unlock before calling the logger.
        drop(entries);
        let (name, message) = (&self.books.name, message(&*payload));
        log_error(format_args!(
            "run {runs} of the periodic process {name:?} panicked; it goes on: {message}"
        ));
        drop_shielded(payload);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.books.lock().metrics.running = false;
    }
}
