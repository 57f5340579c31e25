//! A connection in HTTP/2.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http2;
use tower_service::Service;

use super::adapters::{HighQueue, LaneTimer};
use super::connection::{Connection, End};
use super::entry::Origin;
use super::exchange::Dispatch;
use super::limits::Limits;
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::socket::Socket;
use super::watch::{Due, Order, Rest, Waits};

/// The window of a stream, and of all streams of a connection.
const WINDOW: u32 = 256 * 1024;
/// How many streams a client may reset before they were accepted, and how many errors of its
/// streams the server answers by a reset, before the connection ends.
const RESETS: usize = 20;
const ERRORS: usize = 200;

/// The server's last word to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// That no further streams are accepted.
    ToFinish,
    /// The same, after a flood: nothing more is read.
    ToStop,
}

pub(crate) async fn serve<S, B>(connection: &mut Connection<S>, first: Vec<u8>) -> End
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limits = connection.limits();
    let (stream, watch) = (connection.stream.clone(), connection.member.watch.clone());
    watch.set_waits(Waits::NextRequest);
    let origin = Origin::new(connection.member.fleet.clone(), watch.clone());
    let socket = Socket::open(stream, origin.clone(), first);
    let dispatch = Dispatch {
        service: connection.service.clone(),
        origin,
    };
    let builder = builder(&limits);
    let mut served = pin!(builder.serve_connection(socket, dispatch));
    let mut told = Told::Nothing;
    poll_fn(|cx| {
        let order = watch.attend(cx.waker());
        if order == Order::Cut {
            return Poll::Ready(End::Close);
        }
        if order == Order::Finish && told == Told::Nothing {
            served.as_mut().graceful_shutdown();
            told = Told::ToFinish;
        }
        loop {
            if let Poll::Ready(outcome) = served.as_mut().poll(cx) {
                return Poll::Ready(match outcome {
                    Ok(()) => End::Close,
                    Err(_) => End::Linger(None),
                });
            }
            if watch.take_refusal().is_some() {
                served.as_mut().graceful_shutdown();
                told = Told::ToStop;
                continue;
            }
            // Once the socket has taken the last words. It hands hyper nothing more.
            if told == Told::ToStop && !watch.is_blocked() {
                return Poll::Ready(End::Linger(Some(Refusal::Flood)));
            }
            // A client that is there still answers the server's last ping.
            if told == Told::ToFinish {
                watch.set_closing();
            }
            let Some(term) = watch.due(&limits, Rest::ToEnd) else {
                return Poll::Pending;
            };
            if connection.alarm.poll(cx, term.deadline).is_pending() {
                return Poll::Pending;
            }
            served.as_mut().graceful_shutdown();
            if term.due == Due::Stalled {
                // The last words are said, if the socket takes them.
                let _ = served.as_mut().poll(cx);
                return Poll::Ready(End::Close);
            }
            told = Told::ToFinish;
        }
    })
    .await
}

fn builder(limits: &Limits) -> http2::Builder<HighQueue> {
    let mut builder = http2::Builder::new(HighQueue::current());
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
