//! A connection in HTTP/2.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use laneway::{Handle, Priority};

use super::connection::{Connection, End};
use super::orphans::{Adopted, Orphans};
use super::socket::Socket;
use crate::adapters::LaneTimer;
use crate::exchange::Dispatch;
use crate::exchange::Serves;
use crate::fleet::{ConnectProtocol, Due, Order, Rest, Waits, Watch};
use crate::limits::Limits;
use crate::refusal::Refusal;

/// The window of a stream, and of all streams of a connection.
const WINDOW: u32 = 256 * 1024;
/// How many streams a client may reset before they were accepted, and how many errors of its
/// streams the server answers by a reset, before the connection ends.
const RESETS: usize = 20;
const ERRORS: usize = 200;

pub(crate) async fn serve<S: Serves>(connection: &mut Connection<S>, first: BytesMut) -> End {
    let (limits, watch) = (connection.limits(), connection.member.watch.clone());
    watch.set_waits(Waits::NextRequest);
    let dispatch = connection.dispatch();
    let socket = Socket::open(connection.stream.clone(), dispatch.origin.clone(), first);
    let orphans = Arc::new(Orphans::default());
    let mut builder = builder(&limits, watch.clone(), &orphans);
    if connection.member.fleet.connect_protocol() == ConnectProtocol::Offered {
        builder.enable_connect_protocol();
    }
    let served = pin!(builder.serve_connection(socket, dispatch));
    let mut serving = Serving {
        connection,
        watch,
        limits,
        served,
        orphans,
        adopted: Adopted::default(),
        told: Told::Nothing,
    };
    poll_fn(|cx| serving.poll(cx)).await
}

/// A connection that hyper serves.
struct Serving<'a, S: Serves> {
    connection: &'a mut Connection<S>,
    watch: Arc<Watch>,
    limits: Arc<Limits>,
    served: Pin<&'a mut http2::Connection<Socket, Dispatch<S>, StreamTasks>>,
    orphans: Arc<Orphans>,
    adopted: Adopted,
    told: Told,
}

/// The server's last word to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// That no further streams are accepted.
    ToFinish,
    /// The same, after a flood: nothing more is read.
    ToStop,
}

impl<S: Serves> Serving<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match self.watch.attend(cx.waker()) {
            Order::Finish if self.told == Told::Nothing => self.tell(Told::ToFinish),
            Order::Serve | Order::Finish => {}
            Order::Cut => return Poll::Ready(End::Close),
        }
        loop {
            if let Poll::Ready(end) = self.poll_served(cx) {
                return Poll::Ready(end);
            }
            self.adopted.poll(&self.orphans, cx);
            // A client that is there still answers the server's last ping.
            if self.told == Told::ToFinish {
                self.watch.set_closing();
            }
            let Some(term) = self.watch.due(&self.limits, Rest::ToEnd) else {
                return Poll::Pending;
            };
            ready!(self.connection.alarm.poll(cx, term.deadline()));
            self.tell(Told::ToFinish);
            if term.due == Due::Stalled {
                // The last words are said, if the socket takes them.
                let _ = self.served.as_mut().poll(cx);
                return Poll::Ready(End::Close);
            }
        }
    }

    /// Lets hyper go on until it waits, or the connection is over.
    fn poll_served(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Poll::Ready(outcome) = self.served.as_mut().poll(cx) {
                return Poll::Ready(match outcome {
                    Ok(()) => End::Close,
                    Err(_) => End::Linger(None),
                });
            }
            if self.watch.take_refusal().is_none() {
                break;
            }
            self.tell(Told::ToStop);
        }
        // Once the socket has taken the last words. It hands hyper nothing more.
        match self.told == Told::ToStop && !self.watch.is_blocked() {
            true => Poll::Ready(End::Linger(Some(Refusal::Flood))),
            false => Poll::Pending,
        }
    }

    fn tell(&mut self, told: Told) {
        self.served.as_mut().graceful_shutdown();
        self.told = told;
    }
}

/// Spawns the task of each stream, which hyper asks for as soon as the service is called; and that
/// of each stream that is given away. The connection polls those that the runtime refuses.
#[derive(Clone)]
struct StreamTasks {
    runtime: Handle,
    watch: Arc<Watch>,
    /// Weak: the connection holds futures that hold this.
    orphans: Weak<Orphans>,
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        match self.runtime.try_spawn(future, Priority::High) {
            Ok(task) => {
                self.watch.last_is_served_by(task.id());
                task.detach();
            }
            Err(refused) => {
                // Where the connection is over, so is the stream.
                if let Some(orphans) = self.orphans.upgrade() {
                    orphans.take_in(refused.into_future());
                    self.watch.wake();
                }
            }
        }
    }
}

fn builder(
    limits: &Limits,
    watch: Arc<Watch>,
    orphans: &Arc<Orphans>,
) -> http2::Builder<StreamTasks> {
    let mut builder = http2::Builder::new(StreamTasks {
        runtime: Handle::current(),
        watch,
        orphans: Arc::downgrade(orphans),
    });
    builder
        .timer(LaneTimer)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS);
    builder
}
