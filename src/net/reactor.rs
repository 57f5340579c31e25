//! The runtime's reactor: which sockets are ready, by way of mio.
//!
//! There is one for each runtime, made by its first socket. It has no thread: a worker that has
//! nothing to do waits in it (`idle/lookout.rs`). It knows its sources (`source.rs`) by their
//! numbers. It never reads or writes a socket.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Interest, Poll, Registry, Token};

use super::readiness::Readiness;
use super::source::Source;
use crate::executor::seat;
use crate::ground::growth::Table;
use crate::ground::shield::log_error;
use crate::ground::sync::unpoisoned;
use crate::idle;
use crate::runtime::Runtime;

/// How many events one look fetches. More stay with the system for the next.
const EVENTS: usize = 256;

/// The number of the notification.
const NOTIFICATION: Token = Token(usize::MAX);

/// The reactor of one runtime.
pub(super) struct Reactor {
    poll: Mutex<Waiting>,
    registry: Registry,
    notification: mio::Waker,
    sources: Mutex<Table<Arc<Source>>>,
    /// Set when the runtime has ended.
    closed: AtomicBool,
}

/// The parts that the thread that waits for events holds alone.
struct Waiting {
    poll: Poll,
    events: Events,
}

impl Reactor {
    fn new() -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        Ok(Reactor {
            notification: mio::Waker::new(&registry, NOTIFICATION)?,
            registry,
            poll: Mutex::new(Waiting {
                poll,
                events: Events::with_capacity(EVENTS),
            }),
            sources: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The reactor of the runtime that this thread belongs to, or else of the process-wide one.
    pub(super) fn current(at: &'static Location<'static>) -> io::Result<Arc<Reactor>> {
        let executor =
            seat::shared_runtime_here().unwrap_or_else(|| Runtime::start_global(at).clone());
        let reactor: Arc<dyn Any + Send + Sync> = match executor.parking_lot.lookout.reactor() {
            Some(reactor) => reactor.clone(),
            None => executor.set_reactor(Arc::new(Reactor::new()?)).clone(),
        };
        let reactor = reactor.downcast::<Reactor>();
        Ok(reactor.expect("this file makes every reactor"))
    }

    /// Enters a socket. It is told of what becomes ready from now on.
    pub(super) fn register(
        &self,
        socket: &mut dyn mio::event::Source,
        interest: Interest,
    ) -> io::Result<(Token, Arc<Source>)> {
        let source = Arc::new(Source::default());
        // The source goes in before the system knows the socket: the first event may come at once.
        let mut sources = unpoisoned(self.sources.lock());
        let number = sources.insert(source.clone());
        drop(sources);
        let token = Token(number);
        if let Err(error) = self.registry.register(socket, token, interest) {
            unpoisoned(self.sources.lock()).remove(number);
            return Err(error);
        }
        // This look comes after the entry: a thread that closes the reactor meanwhile finds the
        // source there, or its mark is seen here.
        if self.closed.load(Ordering::SeqCst) {
            source.close(&mut Vec::new());
        }
        Ok((token, source))
    }

    /// Takes a socket out again, which is about to be closed or to go elsewhere.
    pub(super) fn deregister(
        &self,
        socket: &mut dyn mio::event::Source,
        token: Token,
    ) -> io::Result<()> {
        let done = self.registry.deregister(socket);
        let source = unpoisoned(self.sources.lock()).remove(token.0);
        // The drop comes after the lock: wakers go with the source, and may run code of the user's.
        drop(source);
        done
    }

    /// Fetches events, and adds the wakers of the tasks that waited for them.
    fn fetch(&self, waiting: &mut Waiting, time: Option<Duration>, ready: &mut Vec<Waker>) {
        if let Err(error) = waiting.poll.poll(&mut waiting.events, time) {
            if error.kind() != io::ErrorKind::Interrupted {
                // The caller looks again, and is kept from doing so as fast as the processor can.
                log_error(format_args!("sockets could not be waited for: {error}"));
                std::thread::yield_now();
            }
            return;
        }
        if waiting.events.is_empty() {
            return;
        }
        let sources = unpoisoned(self.sources.lock());
        for event in &waiting.events {
            // A source that is gone had an event left. One that has its number now is told of it,
            // tries, and finds that it has to wait.
            if let Some(source) = sources.get(event.token().0) {
                source.set(readiness(event), ready);
            }
        }
    }
}

impl idle::Reactor for Reactor {
    fn wait(&self, goes_on: &dyn Fn() -> bool, ready: &mut Vec<Waker>) {
        let mut waiting = unpoisoned(self.poll.lock());
        if goes_on() {
            self.fetch(&mut waiting, None, ready);
        }
    }

    fn look(&self, ready: &mut Vec<Waker>) {
        if let Some(mut waiting) = try_lock(&self.poll) {
            self.fetch(&mut waiting, Some(Duration::ZERO), ready);
        }
    }

    fn notify(&self) {
        if let Err(error) = self.notification.wake() {
            log_error(format_args!(
                "a worker that waits for sockets could not be told: {error}"
            ));
        }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let mut waiting = Vec::new();
        for (_, source) in unpoisoned(self.sources.lock()).iter() {
            source.close(&mut waiting);
        }
        waiting
            .into_iter()
            .for_each(crate::ground::waker::wake_shielded);
    }
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}

/// The directions that an event says are ready. After an error both directions are ready: the next
/// attempt learns of it.
fn readiness(event: &Event) -> Readiness {
    let has_failed = event.is_error();
    let mut ready = Readiness::NONE;
    if event.is_readable() || has_failed {
        ready |= Readiness::READ;
    }
    if event.is_priority() {
        ready |= Readiness::READ | Readiness::URGENT;
    }
    if event.is_writable() || has_failed {
        ready |= Readiness::WRITE;
    }
    if event.is_read_closed() {
        ready |= Readiness::READ | Readiness::READ_CLOSED;
    }
    if event.is_write_closed() {
        ready |= Readiness::WRITE | Readiness::WRITE_CLOSED;
    }
    ready
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("sources", &unpoisoned(self.sources.lock()).len())
            .finish_non_exhaustive()
    }
}
