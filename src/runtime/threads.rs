//! The operating system's threads that workers sit on: started, replaced, parked, joined.
//!
//! Each worker has a place with a name; a thread that sits there calls
//! [`worker::step`](crate::executor::worker::step) in a loop. When a task blocks its thread, a
//! spare thread of that place takes over, or a new one is started; the blocked one becomes a
//! spare when its task's poll has ended. Spares leave after a while.

use std::cell::Cell;
use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::watchdog::Watchdog;
use crate::executor::worker::{Sleep, Step, step};
use crate::executor::{Event, Executor, Host, Worker, seat};
use crate::os_thread;
use crate::sync::unpoisoned;

/// What a worker does when there is nothing to do.
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
    /// It sleeps so long, looks around, and sleeps again. Nobody wakes it for new work: both
    /// slower and busier than parking. For teaching, and for comparing.
    Nap(Duration),
}

/// How long a spare thread waits for a worker to take over before it leaves.
const KEEP_SPARE: Duration = Duration::from_secs(10);

thread_local! {
    /// The address of the `Threads` that this thread belongs to.
    static SERVES: Cell<usize> = const { Cell::new(0) };
}

/// The threads of one runtime.
#[derive(Debug)]
pub(crate) struct Threads {
    /// One for each worker, in the workers' order.
    places: Box<[Place]>,
    idle: Idle,
    made: Instant,
    pub(crate) watchdog: Watchdog,
    /// How many of the threads are alive.
    alive: Mutex<usize>,
    all_gone: Condvar,
    /// Those that have not been joined.
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Itself, for the threads that it starts.
    this: OnceLock<Weak<Threads>>,
}

/// Where one worker sits.
#[derive(Debug)]
struct Place {
    name: String,
    niceness: Option<u8>,
    spares: Mutex<Spares>,
}

/// Threads of a place that have no worker at the moment. As many as were ever blocked there at
/// once, at most.
#[derive(Debug)]
enum Spares {
    Waiting(Vec<SyncSender<Box<Worker>>>),
    Closed,
}

/// Why a thread no longer drives its worker.
enum Left {
    Replaced,
    Closed,
}

impl Threads {
    /// Places of the given names and nicenesses. No thread runs yet.
    pub(crate) fn new(places: Vec<(String, Option<u8>)>, idle: Idle) -> Arc<Threads> {
        let place = |(name, niceness)| Place {
            name,
            niceness,
            spares: Mutex::new(Spares::Waiting(Vec::new())),
        };
        let threads = Arc::new(Threads {
            places: places.into_iter().map(place).collect(),
            idle,
            made: Instant::now(),
            watchdog: Watchdog::default(),
            alive: Mutex::new(0),
            all_gone: Condvar::new(),
            handles: Mutex::default(),
            this: OnceLock::new(),
        });
        let this = threads.this.set(Arc::downgrade(&threads));
        this.expect("set once, right after it was made");
        threads
    }

    /// Starts a thread that sits down on `worker`. Gives the worker back if the operating system
    /// refuses a thread.
    pub(crate) fn start(&self, worker: Box<Worker>) -> Result<(), (Box<Worker>, io::Error)> {
        let id = worker.id.index();
        // Handed over by a channel, so that it is not lost with a thread that never starts.
        let (sender, receiver) = mpsc::sync_channel(1);
        let started = self.spawn_thread(&self.places[id].name, move |threads| {
            if let Ok(worker) = receiver.recv() {
                threads.serve(worker);
            }
        });
        match started {
            Ok(()) => {
                let handed_over = sender.send(worker);
                handed_over.expect("the new thread waits for its worker");
                Ok(())
            }
            Err(error) => Err((worker, error)),
        }
    }

    /// Starts the thread that looks after the others.
    pub(crate) fn start_watchdog(&self, executor: &Arc<Executor>, name: &str) -> io::Result<()> {
        let executor = executor.clone();
        self.spawn_thread(name, move |threads| threads.watchdog.watch(&executor))
    }

    fn spawn_thread(
        &self,
        name: &str,
        main: impl FnOnce(Arc<Threads>) + Send + 'static,
    ) -> io::Result<()> {
        let this = self.this.get().and_then(Weak::upgrade);
        let threads = this.expect("the threads are used while somebody holds them");
        *lock(&self.alive) += 1;
        let leaving = Leaving(threads.clone());
        let handle = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _leaving = leaving;
                SERVES.set(threads.address());
                main(threads);
            })?;
        let mut handles = lock(&self.handles);
        // Threads come and go with blocked tasks; do not collect the handles of the gone.
        handles.retain(|handle| !handle.is_finished());
        handles.push(handle);
        Ok(())
    }

    /// What a worker thread does from beginning to end.
    fn serve(&self, worker: Box<Worker>) {
        let place = &self.places[worker.id.index()];
        if let Some(niceness) = place.niceness {
            os_thread::set_niceness(niceness);
        }
        let _entered = seat::enter(worker.executor.clone());
        let mut next = Some(worker);
        while let Some(worker) = next {
            next = match self.drive(worker) {
                Left::Replaced => place.wait_as_spare(),
                Left::Closed => None,
            };
        }
    }

    /// Steps a worker until another thread has taken it over or the runtime ends.
    fn drive(&self, worker: Box<Worker>) -> Left {
        let executor = worker.executor.clone();
        seat::replace_worker(Some(worker));
        let left = loop {
            match step() {
                Step::Ran => {}
                Step::Rest => self.rest(),
                Step::Replaced => break Left::Replaced,
                Step::Close => break Left::Closed,
            }
        };
        if let Some(worker) = seat::replace_worker(None) {
            // Off the seat first: what the futures wake when they are dropped must not be put
            // into the queues that are being emptied.
            for runnable in worker.close() {
                executor.cut_off(runnable);
            }
        }
        executor.thread_leaves();
        left
    }

    /// Lets the thread sleep until there is something to do for its worker.
    fn rest(&self) {
        match self.idle {
            Idle::Park => self.park(),
            Idle::Nap(nap) => {
                seat::with_worker(Worker::pause);
                thread::park_timeout(nap);
                seat::with_worker(Worker::resume);
            }
        }
    }

    fn park(&self) {
        let lain_down = seat::with_worker(|worker| (worker.id, worker.lie_down()));
        let Some((worker, Sleep::Park)) = lain_down else {
            // It lay down for a moment, which may have been the one when the watchdog looked.
            self.watchdog.wake_up();
            return;
        };
        seat::emit(|| Event::Parked { worker });
        seat::with_executor(|executor| {
            let executor = executor.expect("a worker's thread has entered its runtime");
            executor.sleepers.park(worker);
        });
        seat::with_worker(Worker::woken);
        seat::emit(|| Event::Unparked { worker });
        self.watchdog.wake_up();
    }

    /// Sends the spares away and lets no thread become one.
    pub(crate) fn close(&self) {
        for place in &self.places {
            *lock(&place.spares) = Spares::Closed;
        }
        self.watchdog.stop();
        for handle in &*lock(&self.handles) {
            // Whoever naps looks up at once.
            handle.thread().unpark();
        }
    }

    /// Waits until all threads have ended, or until `deadline`: those that have not are in the
    /// middle of a poll, or about to end.
    ///
    /// A thread does not wait for itself: a runtime can be dropped by one of its own tasks.
    pub(crate) fn join(&self, deadline: Option<Instant>) {
        let own = usize::from(SERVES.get() == self.address());
        if self.wait_until_gone(own, deadline) > own {
            return;
        }
        let here = thread::current().id();
        let mut handles = std::mem::take(&mut *lock(&self.handles));
        handles.retain(|handle| handle.thread().id() != here);
        for handle in handles {
            // Tasks' panics do not get this far.
            handle.join().expect("a worker thread does not panic");
        }
    }

    /// Waits until so many threads are left, and gives how many there are.
    fn wait_until_gone(&self, left_over: usize, deadline: Option<Instant>) -> usize {
        let mut alive = lock(&self.alive);
        while *alive > left_over {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            alive = match left {
                Some(Duration::ZERO) => break,
                Some(left) => {
                    let (alive, _timeout) = unpoisoned(self.all_gone.wait_timeout(alive, left));
                    alive
                }
                None => unpoisoned(self.all_gone.wait(alive)),
            };
        }
        *alive
    }

    /// What tells this runtime's threads from those of all others that exist.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Host for Threads {
    fn take_over(&self, worker: Box<Worker>) -> Result<(), (Box<Worker>, io::Error)> {
        match self.places[worker.id.index()].send_to_spare(worker) {
            Ok(()) => Ok(()),
            Err(worker) => self.start(worker),
        }
    }

    fn now(&self) -> Duration {
        // These are the machine's threads and go by its clock, whoever asks.
        self.made.elapsed()
    }
}

impl Place {
    /// Waits for a worker to take over. `None`: it is time to leave.
    fn wait_as_spare(&self) -> Option<Box<Worker>> {
        // No room in the channel: a worker is taken by a thread that is there, or not sent.
        let (sender, receiver) = mpsc::sync_channel(0);
        match &mut *lock(&self.spares) {
            Spares::Waiting(spares) => spares.push(sender),
            Spares::Closed => return None,
        }
        receiver.recv_timeout(KEEP_SPARE).ok()
    }

    /// Hands a worker to a spare thread, or gives it back if there is none.
    fn send_to_spare(&self, mut worker: Box<Worker>) -> Result<(), Box<Worker>> {
        while let Some(spare) = self.next_spare() {
            match spare.send(worker) {
                Ok(()) => return Ok(()),
                // That one has left.
                Err(mpsc::SendError(back)) => worker = back,
            }
        }
        Err(worker)
    }

    fn next_spare(&self) -> Option<SyncSender<Box<Worker>>> {
        match &mut *lock(&self.spares) {
            Spares::Waiting(spares) => spares.pop(),
            Spares::Closed => None,
        }
    }
}

/// Counts a thread as gone when dropped, which is the last thing it does.
struct Leaving(Arc<Threads>);

impl Drop for Leaving {
    fn drop(&mut self) {
        *lock(&self.0.alive) -= 1;
        self.0.all_gone.notify_all();
    }
}

/// Locks what no panic can leave half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}
