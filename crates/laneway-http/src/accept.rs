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
use super::stream::Stream;
use super::tls::Tls;

/// How many connections are accepted in one poll.
const BATCH: usize = 64;
/// How long the acceptor waits after an error that is not one connection's: at first, and at most.
const BACK_OFF: Duration = Duration::from_millis(10);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
/// How many idle connections are closed after such an error.
const SHED: usize = 16;

pub(crate) struct Acceptor<S> {
    pub(crate) listener: TcpListener,
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

impl<S: Serves> Acceptor<S> {
    /// Accepts until a shutdown begins. The listener is closed then.
    pub(crate) async fn run(mut self) {
        let mut begun = shutdown_begun();
        let mut back_off = BACK_OFF;
        let mut batch = 0;
        loop {
            let accepted = poll_fn(|cx| self.poll_accept(cx, &mut begun, &mut batch)).await;
            match accepted {
                Accepted::Shutdown => return,
                Accepted::Connection(stream, peer) => {
                    back_off = BACK_OFF;
                    if self.room(&mut begun).await.is_none() {
                        return;
                    }
                    self.start(stream, peer);
                }
                Accepted::Failed(error) if is_of_one_connection(&error) => {}
                Accepted::Failed(error) => {
                    log::warn!(
                        "no connection can be accepted, {error}: idle ones are closed, and it is \
                         tried again in {back_off:?}"
                    );
                    self.fleet.shed(SHED);
                    self.wait(&mut begun, back_off).await;
                    back_off = LONGEST_BACK_OFF.min(2 * back_off);
                }
            }
            batch += 1;
            if batch >= BATCH {
                batch = 0;
                yield_now().await;
            }
        }
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
        // It writes whole answers, or parts that are to be seen. Without effect on a
        // connection that is gone already.
        let _ = stream.set_nodelay(true);
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Tls(tls.stream(stream)),
        };
        let connection = Connection {
            stream,
            member: self.fleet.enter(peer),
            service: self.service.clone(),
            alarm: Alarm::new(),
            spoken: Spoken::OfPreface(0),
        };
        if let Ok(task) = self.runtime.try_spawn(connection.run(), Priority::High) {
            task.detach();
        }
    }
}

/// Whether the error is about a connection that was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
