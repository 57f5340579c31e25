//! The task that accepts connections.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use laneway::net::{TcpListener, TcpStream};
use laneway::time::sleep;
use laneway::{Handle, Priority, ShutdownBegun, shutdown_begun, yield_now};

use super::connection::{Connection, Spoken};
use super::exchange::Serves;
use super::fleet::Alarm;
use super::fleet::Fleet;
use super::fleet::Order;
use super::nodelay::Nodelay;
use super::stream::Stream;
use super::tls::Tls;

/// How many connections are accepted in one poll.
const BATCH: usize = 64;
/// How long the acceptor waits after an error that is not one connection's: at first, and at most.
const BACK_OFF: Duration = Duration::from_millis(10);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
/// How many idle connections are closed where the system has nothing left for another one.
const SHED: usize = 16;

pub(crate) struct Acceptor<S> {
    pub(crate) listener: TcpListener,
    pub(crate) nodelay: Nodelay,
    pub(crate) service: S,
    pub(crate) tls: Option<Tls>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) runtime: Handle,
}

enum Accepted {
    Connection(TcpStream, SocketAddr),
    Failed(io::Error),
    Shutdown,
}

/// The subject of an error of accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// One connection, which cannot be had; the next one can.
    Connection,
    /// Descriptors or memory, which have run out.
    Exhausted,
    /// The listener, or something unknown.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    GoOn,
    Pause,
}

impl<S: Serves> Acceptor<S> {
    /// Accepts until a shutdown begins. The listener is closed then.
    pub(crate) async fn run(mut self) {
        let mut begun = shutdown_begun();
        let mut back_off = BACK_OFF;
        let (mut batch, mut failures) = (0, 0);
        loop {
            let accepted = poll_fn(|cx| self.poll_accept(cx, &mut begun, &mut batch)).await;
            match accepted {
                Accepted::Shutdown => return,
                Accepted::Connection(stream, peer) => {
                    (back_off, failures) = (BACK_OFF, 0);
                    if self.room(&mut begun).await.is_none() {
                        return;
                    }
                    self.start(stream, peer);
                }
                Accepted::Failed(error) => {
                    failures += 1;
                    if let Remedy::Pause = self.remedy(&error, failures, back_off) {
                        self.wait(&mut begun, back_off).await;
                        back_off = LONGEST_BACK_OFF.min(2 * back_off);
                    }
                }
            }
            batch += 1;
            if batch >= BATCH {
                batch = 0;
                yield_now().await;
            }
        }
    }

    /// Does what a failure asks for, but for the pause. This many failures have come in a row.
    fn remedy(&self, error: &io::Error, failures: usize, back_off: Duration) -> Remedy {
        match Cause::of(error) {
            Cause::Connection if failures < BATCH => return Remedy::GoOn,
            Cause::Connection | Cause::Unknown => log::warn!(
                "no connection can be accepted, {error}: it is tried again in {back_off:?}"
            ),
            Cause::Exhausted => {
                log::warn!(
                    "no connection can be accepted, {error}: idle ones are closed, and it is tried \
                     again in {back_off:?}"
                );
                self.fleet.shed(SHED);
            }
        }
        Remedy::Pause
    }

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        begun: &mut ShutdownBegun,
        batch: &mut usize,
    ) -> Poll<Accepted> {
        if self.poll_shutdown(cx, begun).is_ready() {
            return Poll::Ready(Accepted::Shutdown);
        }
        let accepted = self
            .listener
            .poll_accept(cx)
            .map(|accepted| match accepted {
                Ok((stream, peer)) => Accepted::Connection(stream, peer),
                Err(error) => Accepted::Failed(error),
            });
        if accepted.is_pending() {
            *batch = 0;
        }
        accepted
    }

    /// Waits until there may be one more connection. None: a shutdown has begun.
    async fn room(&mut self, begun: &mut ShutdownBegun) -> Option<()> {
        let most = self.fleet.limits().connections;
        if self.fleet.count() < most {
            return Some(());
        }
        let fleet = self.fleet.clone();
        fleet.make_room();
        poll_fn(
            |cx| match fleet.poll_count(cx, |connections| connections < most) {
                Poll::Ready(()) => Poll::Ready(Some(())),
                Poll::Pending => self.poll_shutdown(cx, begun).map(|()| None),
            },
        )
        .await
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, begun: &mut ShutdownBegun) -> Poll<()> {
        if Pin::new(begun).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.fleet.poll_order(cx, |order| order != Order::Serve)
    }

    /// Waits for a while, or until a shutdown begins.
    async fn wait(&mut self, begun: &mut ShutdownBegun, time: Duration) {
        let mut sleep = sleep(time);
        poll_fn(|cx| match self.poll_shutdown(cx, begun) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => Pin::new(&mut sleep).poll(cx),
        })
        .await;
    }

    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.nodelay.see_to(&stream);
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Tls(tls.stream(stream)),
        };
        let member = self.fleet.enter(peer);
        let watch = member.watch.clone();
        let connection = Connection {
            stream,
            member,
            service: self.service.clone(),
            alarm: Alarm::new(),
            spoken: Spoken::OfPreface(0),
        };
        if let Ok(task) = self.runtime.try_spawn(connection.run(), Priority::High) {
            watch.is_led_by(task.id());
            task.detach();
        }
    }
}

impl Cause {
    fn of(error: &io::Error) -> Cause {
        match (error.kind(), error.raw_os_error()) {
            (
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::Interrupted
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Unsupported,
                _,
            ) => Cause::Connection,
            (io::ErrorKind::OutOfMemory | io::ErrorKind::StorageFull, _) => Cause::Exhausted,
            (_, Some(number)) if OF_A_CONNECTION.contains(&number) => Cause::Connection,
            (_, Some(number)) if EXHAUSTED.contains(&number) => Cause::Exhausted,
            _ => Cause::Unknown,
        }
    }
}

// Errors for which the standard library has no kind. These numbers are several systems', and none
// of them has another meaning for a listener on another one.
/// EPROTO, ENOPROTOOPT, ENONET and EHOSTDOWN of Linux.
const OF_A_CONNECTION: [i32; 4] = [71, 92, 64, 112];
/// EMFILE and ENFILE of Unix, ENOBUFS of Linux and of the BSDs, WSAEMFILE and WSAENOBUFS.
const EXHAUSTED: [i32; 6] = [24, 23, 105, 55, 10024, 10055];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_is_one_connections_is_not_taken_for_a_lack() {
        // As accept(2) has them: ECONNABORTED, EINTR, EPERM, ENETDOWN, EPROTO, ENOPROTOOPT,
        // EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT.
        for number in [103, 4, 1, 100, 71, 92, 112, 64, 113, 95, 101, 110] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Cause::of(&error), Cause::Connection, "{error}");
        }
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, and the ENOSPC of a reactor that takes no more.
        for number in [24, 23, 105, 12, 28] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Cause::of(&error), Cause::Exhausted, "{error}");
        }
        // EBADF, EINVAL.
        for number in [9, 22] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Cause::of(&error), Cause::Unknown, "{error}");
        }
    }
}
