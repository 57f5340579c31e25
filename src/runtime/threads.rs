//! The operating system's threads that workers sit on: started, replaced, parked, joined.
//!
//! Each worker has a station with a name; a thread that sits there calls
//! [`worker::step`](crate::executor::worker::step) in a loop. When a task blocks its thread, a
//! spare thread of that station takes over, or a new one is started; the blocked one becomes a
//! spare when its task's poll has ended. Spares leave after a while.

use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::thread_settings::ThreadSettings;
use super::watchdog::Watchdog;
use crate::executor::worker::{MayPark, Step, step, wake_all};
use crate::executor::{Bound, Executor, Host, Worker, seat, telling};
use crate::ground::ids::WorkerId;
use crate::ground::os_thread;
use crate::ground::poll::{between_polls, cut_off_here_in_all, polls_under_way};
use crate::ground::shield::log_warning;
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::Event;
use crate::ground::telemetry::observers::anyone_observes;
use crate::idle::{Claim, NAP};

/// The way in which a worker rests when there is nothing to do.
///
/// ```
/// use laneway::{Idle, Runtime};
/// use std::time::Duration;
///
/// let napping = Idle::Nap(Duration::from_millis(1));
/// let rt = Runtime::builder().with_idle(napping).build()?;
/// assert_eq!(rt.block_on(rt.spawn(async { 7 }, laneway::Priority::Low)), 7);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// It looks around for some microseconds more, where the machine has more than one core, and
    /// then sleeps until it is woken. The default.
    #[default]
    Park,
    /// It sleeps for this long, looks around, and sleeps again. No thread wakes it for new work, so
    /// napping is both slower and busier than parking: a task waits for the end of a nap, and after
    /// one of [`Duration::MAX`] for ever. For teaching, and for comparing.
    Nap(Duration),
}

/// How long a spare thread waits for a worker to take over before it leaves.
const KEEP_SPARE: Duration = Duration::from_secs(10);

thread_local! {
    /// The duty of this thread.
    static DUTY: Cell<Duty> = const { Cell::new(Duty::None) };
}

/// The name that tells one runtime's threads from those of all other runtimes that exist: an
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadsId(usize);

/// The duty of a thread, and the runtime's threads that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// It belongs to no runtime, or its work is done and its thread-locals are being dropped.
    None,
    /// It steps a worker, or is blocked in one of that worker's tasks.
    Polls(ThreadsId),
    /// It does something else for its runtime.
    Serves(ThreadsId),
}

/// The threads of one runtime.
#[derive(Debug)]
pub(crate) struct Threads {
    /// One for each worker, in the workers' order.
    stations: Box<[Station]>,
    /// The name of a thread that ends the runtime.
    closer: String,
    idle: Idle,
    settings: ThreadSettings,
    made: Instant,
    pub(crate) watchdog: Watchdog,
    alive: Mutex<Alive>,
    /// How many of them are there for a worker: they step one, are blocked in one of its tasks, or
    /// are spares.
    for_workers: AtomicUsize,
    /// Set when the log has been told that a thread could not be had.
    refusal_told: AtomicBool,
    all_gone: Condvar,
    /// The threads that have not been joined.
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Itself, for the threads that it starts.
    this: OnceLock<Weak<Threads>>,
    /// Set when a task has dropped its own runtime: its thread, the last one, ends what is left.
    rest_is_left: AtomicBool,
}

/// How many of the threads are alive.
#[derive(Debug, Default)]
struct Alive {
    threads: usize,
    /// Those of them that wait for the others to be gone.
    waiting: usize,
}

/// Where one worker sits.
#[derive(Debug)]
struct Station {
    name: String,
    niceness: Option<u8>,
    spares: Mutex<Spares>,
}

/// Threads of a station that have no worker at the moment. As many as were ever blocked there at
/// once, at most.
#[derive(Debug)]
enum Spares {
    Waiting(Vec<SyncSender<Receiver<Box<Worker>>>>),
    Closed,
}

/// A thread that waits for a worker, and for nothing else.
struct Expectant(SyncSender<Box<Worker>>);

impl Expectant {
    fn hand_over(self, worker: Box<Worker>) {
        let handed_over = self.0.send(worker);
        handed_over.expect("the thread waits for its worker");
    }
}

/// Why a thread no longer drives its worker.
enum Left {
    Replaced,
    Closed,
}

impl Threads {
    /// Stations of the given names and nicenesses. No thread runs yet.
    pub(crate) fn new(
        stations: Vec<(String, Option<u8>)>,
        closer: String,
        idle: Idle,
        settings: ThreadSettings,
    ) -> Arc<Threads> {
        let station = |(name, niceness)| Station {
            name,
            niceness,
            spares: Mutex::new(Spares::Waiting(Vec::new())),
        };
        let threads = Arc::new(Threads {
            stations: stations.into_iter().map(station).collect(),
            closer,
            idle,
            settings,
            made: Instant::now(),
            watchdog: Watchdog::default(),
            alive: Mutex::default(),
            for_workers: AtomicUsize::new(0),
            refusal_told: AtomicBool::new(false),
            all_gone: Condvar::new(),
            handles: Mutex::default(),
            this: OnceLock::new(),
            rest_is_left: AtomicBool::new(false),
        });
        let this = threads.this.set(Arc::downgrade(&threads));
        this.expect("set once, right after it was made");
        threads
    }

    /// Starts a thread for `worker` to sit on.
    pub(crate) fn start(&self, worker: Box<Worker>) -> io::Result<()> {
        self.start_idle(worker.id)?.hand_over(worker);
        Ok(())
    }

    /// Starts a thread that waits for a worker of this number.
    fn start_idle(&self, worker: WorkerId) -> io::Result<Expectant> {
        // Handed over by a channel, so that it is not lost with a thread that never starts.
        let (sender, receiver) = mpsc::sync_channel(1);
        let for_worker = ForWorker::new(self.this());
        self.spawn_thread(&self.stations[worker.index()].name, move |threads| {
            let _for_worker = for_worker;
            if let Ok(worker) = receiver.recv() {
                threads.serve(worker);
            }
        })?;
        Ok(Expectant(sender))
    }

    /// Starts a thread that ends the runtime and drops the futures that are left: one of their
    /// destructors may take longer than the thread that asks for the end can wait.
    pub(super) fn start_closer(&self, executor: &Arc<Executor>) -> io::Result<()> {
        let executor = executor.clone();
        self.spawn_thread(&self.closer, move |threads| {
            seat::belong(executor.clone());
            threads.end(&executor, None);
            threads.leave(&executor);
        })
    }

    /// Ends the runtime: cancels what is left, sends the threads home, and waits until all futures
    /// have been dropped or `deadline` has come.
    pub(super) fn end(&self, executor: &Executor, deadline: Option<Instant>) {
        executor.close();
        self.close();
        executor.finish(deadline);
    }

    /// Starts the thread that looks after the others.
    pub(crate) fn start_watchdog(&self, executor: &Arc<Executor>, name: &str) -> io::Result<()> {
        let executor = executor.clone();
        self.spawn_thread(name, move |threads| {
            // A task that an observer or a logger spawns belongs to this runtime.
            seat::belong(executor.clone());
            threads.watchdog.watch(&executor);
        })
    }

    fn spawn_thread(
        &self,
        name: &str,
        main: impl FnOnce(Arc<Threads>) + Send + 'static,
    ) -> io::Result<()> {
        let threads = self.this();
        unpoisoned(self.alive.lock()).threads += 1;
        let leaving = Leaving(threads.clone());
        let handle = os_thread::spawn(self.settings.builder(name), move || {
            let _leaving = leaving;
            DUTY.set(Duty::Serves(threads.id()));
            main(threads);
            DUTY.set(Duty::None);
        })?;
        let mut handles = unpoisoned(self.handles.lock());
        // Threads come and go with blocked tasks; do not collect the handles of the gone.
        handles.retain(|handle| !handle.is_finished());
        handles.push(handle);
        Ok(())
    }

    fn this(&self) -> Arc<Threads> {
        let this = self.this.get().and_then(Weak::upgrade);
        this.expect("the threads are used only while they are held")
    }

    /// Whether one more thread may stand in for a blocked one.
    fn may_start(&self, bound: Bound) -> bool {
        let most = self.stations.len().saturating_add(self.settings.stand_ins);
        // Relaxed: of threads that look at once, some may start one more than the bound.
        bound == Bound::Exceeded
            || self.for_workers.load(Ordering::Relaxed) < most
            || self.stations.iter().any(Station::dismiss_spare)
    }

    /// Says once why a task that blocks keeps its worker.
    fn tell_refusal(&self, why: impl Display) {
        if !self.refusal_told.swap(true, Ordering::Relaxed) {
            log_warning(format_args!(
                "a task blocks its thread and no other can stand in for it, so that this one runs \
                 other tasks within its poll: {why}"
            ));
        }
    }

    /// The life of a worker thread.
    fn serve(&self, worker: Box<Worker>) {
        let station = &self.stations[worker.id.index()];
        seat::belong(worker.executor.clone());
        if let Some(niceness) = station.niceness
            && let Err(error) = os_thread::set_niceness(niceness)
        {
            log_warning(format_args!(
                "the niceness of a worker's thread could not be set to {niceness}: {error}"
            ));
        }
        if worker.takes_high_tasks_alone() {
            os_thread::shorten_slices();
        }
        self.settings.started();
        let mut next = Some(worker);
        while let Some(worker) = next {
            next = match self.drive(worker) {
                Left::Replaced => station.wait_as_spare(),
                Left::Closed => None,
            };
        }
        self.settings.stops();
    }

    /// Steps a worker until another thread has taken it over or the runtime ends.
    fn drive(&self, worker: Box<Worker>) -> Left {
        let executor = worker.executor.clone();
        seat::replace_worker(Some(worker));
        DUTY.set(Duty::Polls(self.id()));
        let left = loop {
            match step() {
                Step::Ran => {}
                Step::Rest => self.rest(),
                Step::Replaced => break Left::Replaced,
                Step::Close => break Left::Closed,
            }
        };
        DUTY.set(Duty::Serves(self.id()));
        self.leave(&executor);
        left
    }

    /// Ends what this thread still holds, if the runtime has closed.
    fn leave(&self, executor: &Executor) {
        executor.thread_leaves();
        if self.rest_is_left.load(Ordering::Relaxed) {
            executor.finish(None);
            executor.unregister();
        }
    }

    /// Lets the thread sleep until there is something to do for its worker.
    fn rest(&self) {
        match self.idle {
            Idle::Park if seat::with_worker(Worker::decide_to_nap) == Some(true) => self.nap(NAP),
            Idle::Park => self.park(|executor, (worker, claim), ready| {
                executor.parking_lot.park(worker, claim, ready);
            }),
            Idle::Nap(nap) => self.nap(nap),
        }
    }

    fn nap(&self, nap: Duration) {
        seat::with_worker(Worker::begin_nap);
        thread::park_timeout(nap);
        seat::with_worker(Worker::end_nap);
    }

    fn park(&self, wait: impl FnOnce(&Executor, (WorkerId, Claim), &mut Vec<Waker>)) {
        between_polls(|| self.park_here(wait));
    }

    fn park_here(&self, wait: impl FnOnce(&Executor, (WorkerId, Claim), &mut Vec<Waker>)) {
        let begun = seat::with_worker(|worker| {
            let names = (worker.id, worker.lookout_claim());
            let may_park = worker.begin_parking() == MayPark::Yes;
            may_park.then(|| (names, worker.take_ready()))
        });
        let Some(((worker, claim), mut ready)) = begun.flatten() else {
            // The worker was parked for a moment, in which the watchdog may have looked.
            self.watchdog.wake_up();
            return;
        };
        tell_parked(worker);
        let here = seat::runtime_of_worker().expect("a worker sits here");
        wait(&here, (worker, claim), &mut ready);
        seat::with_worker(Worker::end_parking);
        telling::emit(|| Event::Unparked { worker });
        self.watchdog.wake_up();
        wake_all(ready);
    }

    /// Sends the spares away and lets no thread become one.
    fn close(&self) {
        for station in &self.stations {
            *unpoisoned(station.spares.lock()) = Spares::Closed;
        }
        self.watchdog.stop();
        for handle in &*unpoisoned(self.handles.lock()) {
            // A thread that naps looks around at once.
            handle.thread().unpark();
        }
    }

    /// Waits until all threads have ended, the destructors of their thread-locals included.
    ///
    /// A thread does not wait for itself: a runtime can be dropped by one of its own tasks.
    pub(super) fn join(&self) {
        self.wait_until_gone(None);
        let here = thread::current().id();
        let mut handles = std::mem::take(&mut *unpoisoned(self.handles.lock()));
        handles.retain(|handle| handle.thread().id() != here);
        for handle in handles {
            // Tasks' panics do not get this far.
            handle.join().expect("a worker thread does not panic");
        }
    }

    /// Waits until all threads have done their work but those that wait here themselves, or
    /// `deadline` has come: those that have not are in the middle of a poll. Destructors of a
    /// user's thread-locals that take long are not waited for.
    pub(super) fn wait_until_gone(&self, deadline: Option<Instant>) {
        let own = usize::from(self.is_one_of_them());
        let mut alive = unpoisoned(self.alive.lock());
        alive.waiting += own;
        self.all_gone.notify_all();
        while alive.threads > alive.waiting {
            alive = match deadline.map(|d| d.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => unpoisoned(self.all_gone.wait_timeout(alive, left)).0,
                None => unpoisoned(self.all_gone.wait(alive)),
            };
        }
        alive.waiting -= own;
    }

    /// Whether this thread is one of these, and not past its work.
    pub(super) fn is_one_of_them(&self) -> bool {
        Threads::here() == Some(self.id())
    }

    /// Whether this thread is in the middle of polling one of this runtime's tasks.
    pub(super) fn polls_here(&self) -> bool {
        DUTY.get() == Duty::Polls(self.id())
    }

    /// Lets this thread, one of these and the last, end what is left when its poll is over.
    pub(super) fn leave_the_rest_to_this_thread(&self) {
        // Relaxed: read by this thread.
        self.rest_is_left.store(true, Ordering::Relaxed);
    }

    /// The threads that this one belongs to, if it is not past its work.
    pub(super) fn here() -> Option<ThreadsId> {
        match DUTY.get() {
            Duty::Polls(of) | Duty::Serves(of) => Some(of),
            Duty::None => None,
        }
    }

    /// How many tasks cannot end before this thread goes on: those that it polls, and those that it
    /// cuts off.
    pub(super) fn tasks_here() -> u64 {
        let polled = match DUTY.get() {
            Duty::Polls(_) => u64::from(polls_under_way()),
            Duty::Serves(_) | Duty::None => 0,
        };
        polled + cut_off_here_in_all()
    }

    pub(super) fn id(&self) -> ThreadsId {
        ThreadsId(std::ptr::from_ref(self).addr())
    }
}

/// Tells that the worker that sits here parks. It is off its seat meanwhile: it has nothing to do,
/// so no other thread is to go on as this worker if the observer blocks.
fn tell_parked(worker: WorkerId) {
    if anyone_observes() {
        let parked = seat::replace_worker(None);
        telling::emit(|| Event::Parked { worker });
        seat::replace_worker(parked);
    }
}

impl Host for Threads {
    fn take_over(
        &self,
        worker: Box<Worker>,
        bound: Bound,
        tell: &dyn Fn(),
    ) -> Result<(), Box<Worker>> {
        if let Some(spare) = self.stations[worker.id.index()].claim_spare() {
            tell();
            spare.hand_over(worker);
            return Ok(());
        }
        if !self.may_start(bound) {
            self.tell_refusal("as many stand in for others as `Builder::with_stand_ins` allows");
            return Err(worker);
        }
        match self.start_idle(worker.id) {
            Ok(stand_in) => {
                tell();
                stand_in.hand_over(worker);
                Ok(())
            }
            Err(error) => {
                self.tell_refusal(error);
                Err(worker)
            }
        }
    }

    fn rest_until(&self, is_over: &dyn Fn() -> bool) {
        match self.idle {
            // Not on the lookout: the end is told to its thread.
            Idle::Park => self.park(|executor, (worker, _), _| {
                while !executor.parking_lot.is_awake(worker) && !is_over() {
                    thread::park();
                }
                seat::with_worker(Worker::cancel_parking);
            }),
            Idle::Nap(nap) => self.nap(nap),
        }
    }

    fn stack_size(&self) -> usize {
        self.settings.stack_size()
    }

    fn now(&self) -> Duration {
        // These are the machine's threads and go by its clock, even if a thread of a simulation
        // asks.
        self.made.elapsed()
    }
}

impl Station {
    /// Waits for a worker to take over. `None`: it is time to leave.
    fn wait_as_spare(&self) -> Option<Box<Worker>> {
        // No room in the channel: the thread is claimed while it is there, or not at all.
        let (sender, receiver) = mpsc::sync_channel(0);
        match &mut *unpoisoned(self.spares.lock()) {
            Spares::Waiting(spares) => spares.push(sender),
            Spares::Closed => return None,
        }
        let claimed = receiver.recv_timeout(KEEP_SPARE).ok()?;
        claimed.recv().ok()
    }

    /// Makes a spare thread wait for a worker that is about to come, if there is one.
    fn claim_spare(&self) -> Option<Expectant> {
        while let Some(spare) = self.next_spare() {
            let (sender, receiver) = mpsc::sync_channel(1);
            // If not, that thread has left.
            if spare.send(receiver).is_ok() {
                return Some(Expectant(sender));
            }
        }
        None
    }

    /// Sends a thread away that waits here, if one does.
    fn dismiss_spare(&self) -> bool {
        // It leaves when it finds the sender gone.
        self.next_spare().is_some()
    }

    fn next_spare(&self) -> Option<SyncSender<Receiver<Box<Worker>>>> {
        match &mut *unpoisoned(self.spares.lock()) {
            Spares::Waiting(spares) => spares.pop(),
            Spares::Closed => None,
        }
    }
}

/// Counts a thread among those that are there for a worker, until it is dropped.
struct ForWorker(Arc<Threads>);

impl ForWorker {
    fn new(threads: Arc<Threads>) -> ForWorker {
        threads.for_workers.fetch_add(1, Ordering::Relaxed);
        ForWorker(threads)
    }
}

impl Drop for ForWorker {
    fn drop(&mut self) {
        self.0.for_workers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a thread as gone when dropped, which is the last thing it does.
struct Leaving(Arc<Threads>);

impl Drop for Leaving {
    fn drop(&mut self) {
        unpoisoned(self.0.alive.lock()).threads -= 1;
        self.0.all_gone.notify_all();
    }
}
