//! A socket that the reactor knows: attempts, and waits for when one may succeed.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mio::{Interest, Token};

use super::reactor::Reactor;
use super::readiness::{Direction, Readiness};
use super::source::{Source, WaiterId};
use super::system;
use crate::executor::budget;

/// A socket of mio's, entered in the reactor of the runtime that made it.
pub(super) struct Registered<S: mio::event::Source> {
    /// Taken out only when this is taken apart.
    socket: Option<S>,
    token: Token,
    source: Arc<Source>,
    reactor: Arc<Reactor>,
}

/// The result of an attempt that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt<T> {
    /// The next one may succeed as well.
    More(T),
    /// Nothing is left: the next one would have to wait.
    Last(T),
}

impl Attempt<usize> {
    /// Of `bytes` that went through a buffer of this size: a part of it was all that there was.
    pub(super) fn of_stream(bytes: usize, size: usize) -> Attempt<usize> {
        match 0 < bytes && bytes < size && system::TELLS_WITHOUT_A_VAIN_ATTEMPT {
            true => Attempt::Last(bytes),
            false => Attempt::More(bytes),
        }
    }
}

impl<S: mio::event::Source> Registered<S> {
    #[track_caller]
    pub(super) fn new(mut socket: S, interest: Interest) -> io::Result<Registered<S>> {
        let reactor = Reactor::current(Location::caller())?;
        let (token, source) = reactor.register(&mut socket, interest)?;
        Ok(Registered {
            socket: Some(socket),
            token,
            source,
            reactor,
        })
    }

    pub(super) fn get(&self) -> &S {
        self.socket.as_ref().expect("it is there until the end")
    }

    /// Makes an attempt at once. Of one that would block, the reactor is to tell when it would not.
    pub(super) fn attempt<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        let seen = self.source.seen();
        match attempt(self.get()) {
            Ok(Attempt::More(output)) => Ok(output),
            Ok(Attempt::Last(output)) => {
                self.source.forget(seen, direction);
                Ok(output)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.source.forget(seen, direction);
                match seen.readiness().has(Readiness::GONE) {
                    true => Err(runtime_is_gone()),
                    false => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Makes attempts until one comes to an end, and leaves the task's waker where that has to be
    /// waited for. Of several tasks that poll in one direction the last one is woken.
    pub(super) fn poll<T>(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<Attempt<T>>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.poll_ready(cx, direction));
            if budget::is_used_up() {
                return budget::put_off(cx);
            }
            if let Some(outcome) = outcome(self.attempt(direction, &mut attempt)) {
                budget::count_ready();
                return Poll::Ready(outcome);
            }
        }
    }

    /// As [`poll`](Registered::poll), for any number of tasks at once.
    pub(super) async fn wait<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        loop {
            self.ready(direction).await;
            let tried = |cx: &mut Context<'_>| match budget::is_used_up() {
                true => budget::put_off(cx),
                false => Poll::Ready(self.attempt(direction, &mut attempt)),
            };
            if let Some(outcome) = outcome(poll_fn(tried).await) {
                budget::count_ready();
                return outcome;
            }
        }
    }

    /// Leaves the task's waker until an attempt may succeed.
    pub(super) fn poll_ready(&self, cx: &Context<'_>, direction: Direction) -> Poll<()> {
        let allows = || self.source.seen().readiness().allows(direction);
        if allows()
            || self
                .source
                .leave_waker(direction, cx.waker())
                .readiness()
                .allows(direction)
        {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Waits until an attempt may succeed.
    pub(super) fn ready(&self, direction: Direction) -> Ready<'_> {
        Ready {
            source: &self.source,
            direction,
            id: None,
        }
    }
}

/// What an attempt came to, unless it is to be made again.
fn outcome<T>(tried: io::Result<T>) -> Option<io::Result<T>> {
    match tried {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        outcome => Some(outcome),
    }
}

fn runtime_is_gone() -> io::Error {
    io::Error::other(
        "the runtime of this socket has ended, and no other thread looks whether it is ready: \
         make the socket in a runtime that lives as long as it is used",
    )
}

impl<S: mio::event::Source> Drop for Registered<S> {
    fn drop(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            // It fails where the system has forgotten the socket already.
            let _ = self.reactor.deregister(&mut socket, self.token);
        }
    }
}

impl<S: mio::event::Source + fmt::Debug> fmt::Debug for Registered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Ready when an attempt in one direction may succeed. Dropped before, it waits no more.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    source: &'a Source,
    direction: Direction,
    id: Option<WaiterId>,
}

impl Future for Ready<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let allows = || this.source.seen().readiness().allows(this.direction);
        if allows() {
            return Poll::Ready(());
        }
        this.source.enter(&mut this.id, this.direction, cx.waker());
        // The event may have come before the waker was there.
        match allows() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.source.remove(id);
        }
    }
}
