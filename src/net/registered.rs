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
use super::simulated;
use super::source::{Seen, Source, WaiterId};
use super::system;
use crate::ground::poll::budget;

/// A socket whose readiness is told: by the reactor of the runtime that made it, or by the network
/// of a simulation.
pub(super) struct Registered<S: Socket> {
    /// None once it was taken out by `leave`, which ends this.
    socket: Option<S>,
    source: Arc<Source>,
    /// Where it is entered. None for a simulated socket, whose network holds its source.
    entry: Option<(Arc<Reactor>, Token)>,
}

/// A socket that can be [`Registered`].
pub trait Socket: fmt::Debug + Send + Sync + 'static {
    /// The system's socket. A simulated one has none.
    fn system(&mut self) -> Option<&mut dyn mio::event::Source>;
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
    /// An attempt that has moved this number of bytes by a buffer of this size. If it has filled or
    /// emptied a part of the buffer alone, nothing more is left to move.
    pub(super) fn of_stream(bytes: usize, size: usize) -> Attempt<usize> {
        match 0 < bytes && bytes < size && system::TELLS_WITHOUT_A_VAIN_ATTEMPT {
            true => Attempt::Last(bytes),
            false => Attempt::More(bytes),
        }
    }
}

impl<S: Socket> Registered<S> {
    /// Enters a socket of the system's.
    ///
    /// # Errors
    ///
    /// The system's; and in a simulation, which knows nothing of the machine's sockets.
    #[track_caller]
    pub(super) fn new(mut socket: S, interest: Interest) -> io::Result<Registered<S>> {
        simulated::refuse_real_sockets()?;
        let reactor = Reactor::current(Location::caller())?;
        let system = socket.system().expect("it is the system's");
        let (token, source) = reactor.register(system, interest)?;
        Ok(Registered {
            socket: Some(socket),
            source,
            entry: Some((reactor, token)),
        })
    }

    /// A simulated socket, which tells the source of its readiness itself.
    pub(super) fn simulated(socket: S, source: Arc<Source>) -> Registered<S> {
        Registered {
            socket: Some(socket),
            source,
            entry: None,
        }
    }

    /// The socket, which is not entered any more.
    pub(super) fn into_socket(mut self) -> S {
        self.leave().expect(ENTERED)
    }

    fn leave(&mut self) -> Option<S> {
        let mut socket = self.socket.take()?;
        if let (Some((reactor, token)), Some(system)) = (&self.entry, socket.system()) {
            // It fails where the system has forgotten the socket already.
            let _ = reactor.deregister(system, *token);
        }
        Some(socket)
    }

    pub(super) fn get(&self) -> &S {
        self.socket.as_ref().expect(ENTERED)
    }

    /// Makes an attempt at once. One that would block takes the socket's readiness back, so that
    /// the next event wakes those that wait.
    pub(super) fn attempt<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&S) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        let seen = self.source.seen();
        match attempt(self.get()) {
            Ok(Attempt::More(output)) => Ok(output),
            Ok(Attempt::Last(output)) => {
                let used_up = seen.readiness().used_up(direction);
                self.source.forget(seen, used_up);
                Ok(output)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.source.forget(seen, Readiness::disproved(direction));
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
            if self.is_put_off(direction) {
                return budget::put_off(cx);
            }
            if let Some(outcome) = settled(self.attempt(direction, &mut attempt)) {
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
            let tried = |cx: &mut Context<'_>| match self.is_put_off(direction) {
                true => budget::put_off(cx),
                false => Poll::Ready(self.attempt(direction, &mut attempt)),
            };
            if let Some(outcome) = settled(poll_fn(tried).await) {
                budget::count_ready();
                return outcome;
            }
        }
    }

    /// Leaves the task's waker until an attempt may succeed.
    pub(super) fn poll_ready(&self, cx: &Context<'_>, direction: Direction) -> Poll<()> {
        let source = &self.source;
        let allows = |seen: Seen| seen.readiness().allows(direction);
        match allows(source.seen()) || allows(source.leave_waker(direction, cx.waker())) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Leaves the task's waker, in the place of the last one that reads, until an event says that
    /// both directions are closed. That event may have been another socket's.
    pub(super) fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        let seen = self.source.leave_waker(Direction::Read, cx.waker());
        match seen.readiness().is_over() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Whether the runtime of the socket has ended, so that no event will tell of it.
    pub(super) fn is_gone(&self) -> bool {
        self.source.seen().readiness().has(Readiness::GONE)
    }

    /// As [`poll_ready`](Registered::poll_ready), but counted, and put off where the task has had
    /// its share of this poll: for a user's own loop of tries and waits, which may never have to
    /// wait.
    pub(super) fn poll_counted(&self, cx: &Context<'_>, direction: Direction) -> Poll<()> {
        ready!(self.poll_ready(cx, direction));
        self.count(cx, direction)
    }

    /// As [`poll_counted`](Registered::poll_counted), for any number of tasks at once.
    pub(super) async fn wait_counted(&self, direction: Direction) {
        self.ready(direction).await;
        poll_fn(|cx| self.count(cx, direction)).await;
    }

    /// Counts a wait that is over. Ready, unless the task has had its share of this poll.
    pub(super) fn count(&self, cx: &Context<'_>, direction: Direction) -> Poll<()> {
        if self.is_put_off(direction) {
            return budget::put_off(cx);
        }
        budget::count_ready();
        Poll::Ready(())
    }

    /// Whether the task has had its share of this poll, and the socket was not put off the last
    /// time that this was so: another branch of the task may use up the budget of every poll.
    fn is_put_off(&self, direction: Direction) -> bool {
        budget::is_used_up() && self.source.put_off(direction)
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

/// The outcome of an attempt, unless it is to be made again.
fn settled<T>(tried: io::Result<T>) -> Option<io::Result<T>> {
    match tried {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        outcome => Some(outcome),
    }
}

const ENTERED: &str = "a socket stays in its place until it leaves, which ends this";

fn runtime_is_gone() -> io::Error {
    io::Error::other(
        "the runtime of this socket has ended, and no other thread looks whether it is ready: \
         make the socket in a runtime that lives as long as it is used",
    )
}

impl<S: Socket> Drop for Registered<S> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

impl<S: Socket> fmt::Debug for Registered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// A future that is ready when an attempt in one direction may succeed.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_lite::AsyncReadExt;
    use futures_lite::future::block_on;

    use super::*;
    use crate::net::{TcpListener, TcpStream};
    use crate::runtime::Runtime;
    use crate::time::timeout;

    #[test]
    fn a_dropped_socket_leaves_no_source() {
        let rt = Runtime::builder().build().expect("the default settings");
        rt.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let reactor = Reactor::current(Location::caller()).unwrap();
            let sources = || format!("{reactor:?}");
            let empty = sources();
            assert!(empty.contains("sources: 1,"), "the listener: {empty}");
            let address = listener.local_addr().unwrap();
            for _ in 0..100 {
                let client = TcpStream::connect(address).await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                assert!(sources().contains("sources: 3,"), "{}", sources());
                drop((client, server));
            }
            assert_eq!(sources(), empty);
            listener.into_std().unwrap();
            assert!(sources().contains("sources: 0,"), "{}", sources());
        });
    }

    /// A connection's two ends.
    fn pair() -> (TcpStream, TcpStream) {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = TcpStream::connect(address).await.unwrap();
            (client, listener.accept().await.unwrap().0)
        })
    }

    #[test]
    fn a_socket_that_gets_the_last_event_of_another_one_waits_as_before() {
        let (one, _other) = pair();
        let cx = &Context::from_waker(std::task::Waker::noop());
        // The last event of a socket whose peer has reset it; its number has gone to this one.
        let both = Readiness::READ | Readiness::WRITE;
        let closed = Readiness::READ_CLOSED | Readiness::WRITE_CLOSED;
        one.inner.source.set(both | closed, &mut Vec::new());
        for direction in [Direction::Read, Direction::Write] {
            let mut attempts = 0;
            let polled = one.inner.poll(cx, direction, |_| {
                attempts += 1;
                assert!(attempts < 10, "it tries again and again");
                Err::<Attempt<()>, _>(io::ErrorKind::WouldBlock.into())
            });
            assert!(polled.is_pending(), "{direction:?}");
        }
    }

    #[test]
    fn a_future_that_is_given_up_leaves_no_waiter() {
        let (one, _other) = pair();
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let mut waits: Vec<_> = (0..10).map(|_| Box::pin(one.readable())).collect();
        for wait in &mut waits {
            assert!(wait.as_mut().poll(cx).is_pending());
        }
        assert_eq!(one.inner.source.waiting(), 10);
        drop(waits);
        assert_eq!(one.inner.source.waiting(), 0);
    }

    /// What Linux says of sockets, and no other system.
    #[cfg(target_os = "linux")]
    mod on_linux {
        use std::task::Waker;

        use socket2::{Domain, SockRef, Type};

        use super::*;

        /// The system says of a socket without a peer that it is closed in both directions.
        #[test]
        fn a_socket_that_is_connected_after_it_was_taken_over_waits_for_bytes() {
            let cx = &Context::from_waker(Waker::noop());
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let stream = TcpStream::try_from(std::net::TcpStream::from(socket)).unwrap();
            block_on(stream.readable());
            assert!(stream.inner.source.seen().readiness().is_over());
            let address = listener.local_addr().unwrap().into();
            // It does not block, so it is in progress.
            let _ = SockRef::from(&stream).connect(&address);
            let _peer = listener.accept().unwrap();
            assert!(
                stream.inner.poll_over(cx).is_ready(),
                "for all that was said"
            );
            assert!(
                stream
                    .poll_over(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            let mut attempts = 0;
            let polled = stream.inner.poll(cx, Direction::Read, |_| {
                attempts += 1;
                assert!(attempts < 10, "it tries again and again");
                match stream.try_read(&mut [0]) {
                    Ok(bytes) => Ok(Attempt::More(bytes)),
                    Err(error) => Err(error),
                }
            });
            assert!(polled.is_pending());
        }

        #[test]
        fn what_comes_after_an_urgent_byte_is_read() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let sender = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let sender = SockRef::from(&sender);
            assert_eq!(sender.send(b"before").unwrap(), 6);
            assert_eq!(sender.send_out_of_band(b"!").unwrap(), 1);
            assert_eq!(sender.send(b"after").unwrap(), 5);
            // Entered when all of it is there: the system tells of it once.
            let mut stream = TcpStream::try_from(listener.accept().unwrap().0).unwrap();
            let mut text = [0; 11];
            let read = timeout(Duration::from_secs(20), stream.read_exact(&mut text));
            block_on(read)
                .expect("there is no more to wait for")
                .unwrap();
            assert_eq!(&text, b"beforeafter");
        }
    }
}
