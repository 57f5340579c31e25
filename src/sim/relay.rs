//! Threads in a relay: the one that has the baton goes on, all others wait.
//!
//! A simulation is sequential, and yet a task may block its thread in the middle of a poll. The
//! data on that thread's stack has to stay there, so another thread goes on with the
//! simulation, until the blocked one is given the baton. At any time one thread has it, and that
//! thread passes it on by name. Which thread goes on follows from the simulation alone, never from
//! the operating system.

use std::cell::Cell;
use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use crate::executor::Park;
use crate::ground::sync::unpoisoned;

/// The state that the threads of one simulation share.
#[derive(Debug)]
pub(super) struct Relay {
    state: Mutex<State>,
    requests: Sender<Request>,
}

#[derive(Debug, Default)]
struct State {
    /// Those that block in the user's code, in the order in which they began to.
    blocked: Vec<Arc<Blocked>>,
    /// Those that have nothing to do.
    spare: Vec<Arc<Baton>>,
    over: bool,
}

/// A thread's right to go on, given by another.
#[derive(Debug, Default)]
struct Baton {
    given: Mutex<bool>,
    changed: Condvar,
}

/// A thread in the middle of the user's code, which waits for a wake-up.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    baton: Baton,
    woken: AtomicBool,
    /// Set if the wake-up will not come, since the simulation ends.
    cut_short: AtomicBool,
}

/// A request to the thread that runs the whole.
enum Request {
    /// A thread that goes on, and an answer.
    Thread(Arc<Baton>, SyncSender<io::Result<()>>),
    Over,
}

/// The payload that unwinds a poll whose thread blocks when the simulation ends.
struct CutShort;

thread_local! {
    /// The address of the `Relay` that this thread takes part in.
    static TAKES_PART: Cell<usize> = const { Cell::new(0) };

    /// How many times in a row this thread has gone on without a wait.
    static PASSES: Cell<u32> = const { Cell::new(0) };
}

/// After this many times in a row a thread gives the others their turn, since one that blocks on a
/// future which wakes itself would never end its step.
const PASSES_IN_A_ROW: u32 = 64;

impl Relay {
    /// A relay without threads, and the requests that [`run`](Relay::run) serves.
    pub(super) fn new() -> (Arc<Relay>, Requests) {
        let (requests, receiver) = channel();
        let relay = Relay {
            state: Mutex::default(),
            requests,
        };
        (Arc::new(relay), Requests(receiver))
    }

    /// Runs `drive` on a thread, and on more when one blocks, until
    /// [`finish`](Relay::finish) is called. `drive` is to come back then.
    pub(super) fn run(&self, requests: Requests, drive: impl Fn() + Sync) -> io::Result<()> {
        let (relay, drive) = (self, &drive);
        thread::scope(|scope| {
            let start = |baton: Arc<Baton>| {
                let main = move || {
                    TAKES_PART.set(relay.address());
                    baton.wait();
                    drive();
                };
                let builder = thread::Builder::new().name("laneway-sim".to_owned());
                builder.spawn_scoped(scope, main).map(drop)
            };
            let first = Arc::new(Baton::default());
            first.give();
            start(first)?;
            while let Ok(Request::Thread(baton, answer)) = requests.0.recv() {
                // The thread that asked waits for the answer.
                let _ = answer.send(start(baton));
            }
            Ok(())
        })
    }

    /// Whether the current thread is one of these.
    pub(super) fn take_part(&self) -> bool {
        TAKES_PART.get() == self.address()
    }

    /// Those that could go on in the user's code.
    pub(super) fn woken(&self) -> usize {
        self.lock().blocked.iter().filter(|b| b.is_woken()).count()
    }

    /// Lets the blocked thread go on that is number `at` of the woken ones, and waits for
    /// something else to do. `false`: there is nothing, and the simulation is over.
    pub(super) fn resume_woken(&self, at: usize) -> bool {
        let mut state = self.lock();
        let mut woken = state
            .blocked
            .iter()
            .enumerate()
            .filter(|(_, b)| b.is_woken());
        let (place, _) = woken.nth(at).expect("the number was drawn below theirs");
        let blocked = state.blocked.remove(place);
        self.give_and_wait(state, &blocked)
    }

    /// Ends the wait of the thread that has blocked last, without a wake-up, if there is one.
    pub(super) fn cut_one_short(&self) -> Option<bool> {
        let mut state = self.lock();
        let blocked = state.blocked.pop()?;
        // Relaxed: giving the baton synchronises.
        blocked.cut_short.store(true, Ordering::Relaxed);
        Some(self.give_and_wait(state, &blocked))
    }

    fn give_and_wait(&self, mut state: MutexGuard<'_, State>, blocked: &Blocked) -> bool {
        let own = Arc::new(Baton::default());
        state.spare.push(own.clone());
        drop(state);
        blocked.baton.give();
        own.wait();
        !self.lock().over
    }

    /// Sends all threads home. None blocks any more.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        state.over = true;
        state.spare.drain(..).for_each(|baton| baton.give());
        drop(state);
        // The receiver is gone if a thread could not be started.
        let _ = self.requests.send(Request::Over);
    }

    /// Enters the current thread among the blocked, and lets another go on.
    fn block(&self, blocked: &Arc<Blocked>) -> io::Result<()> {
        let spare = self.lock().spare.pop();
        let next = match spare {
            Some(spare) => spare,
            None => self.start_another()?,
        };
        self.lock().blocked.push(blocked.clone());
        next.give();
        Ok(())
    }

    fn start_another(&self) -> io::Result<Arc<Baton>> {
        let baton = Arc::new(Baton::default());
        let (answer, answered) = sync_channel(1);
        let request = Request::Thread(baton.clone(), answer);
        let gone = |_| io::Error::other("the simulation has ended");
        self.requests.send(request).map_err(|_| gone(()))?;
        answered.recv().map_err(|_| gone(()))??;
        Ok(baton)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The requests of all threads, where the one that runs the whole receives them.
pub(super) struct Requests(Receiver<Request>);

impl Baton {
    fn give(&self) {
        *lock(&self.given) = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let given = lock(&self.given);
        let woken = self.changed.wait_while(given, |given| !*given);
        *unpoisoned(woken) = false;
    }
}

impl Blocked {
    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }
}

/// The parking place of a thread of a simulation.
pub(super) struct Parker {
    relay: Arc<Relay>,
    blocked: Arc<Blocked>,
}

impl Parker {
    pub(super) fn new(relay: Arc<Relay>) -> Parker {
        Parker {
            relay,
            blocked: Arc::default(),
        }
    }
}

impl Park for Parker {
    fn park(&self) {
        PASSES.set(0);
        if let Err(error) = self.relay.block(&self.blocked) {
            panic!("a simulated task wants to block and no thread could go on instead: {error}");
        }
        self.blocked.baton.wait();
        self.blocked.woken.store(false, Ordering::Release);
        if self.blocked.cut_short.load(Ordering::Relaxed) {
            // Past the panic hook: this is no panic of the user's.
            resume_unwind(Box::new(CutShort));
        }
    }

    fn unpark(&self) {
        self.blocked.woken.store(true, Ordering::Release);
    }

    fn pass(&self) {
        let passes = PASSES.get() + 1;
        PASSES.set(passes);
        if passes == PASSES_IN_A_ROW {
            self.park();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}
