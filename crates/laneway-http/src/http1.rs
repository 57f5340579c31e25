//! A connection in HTTP/1, from a first byte to a rest or an end.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1;
use tower_service::Service;

use super::adapters::LaneTimer;
use super::alarm::Seen;
use super::connection::{Connection, End};
use super::entry::Origin;
use super::exchange::Dispatch;
use super::limits::Limits;
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::socket::Socket;
use super::watch::{Attendance, Due, Order, Rest, Watch};

type Served<S> = http1::Connection<Socket, Dispatch<S>>;

/// How hyper's buffers may grow: what it writes at once, too.
const BUFFER: usize = 256 * 1024;

/// How many fields hyper takes unless it is told otherwise, which costs it more.
const FIELDS: usize = 100;

pub(crate) async fn serve<S, B>(connection: &mut Connection<S>, first: Vec<u8>) -> End
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limits = connection.limits();
    let (stream, watch) = (connection.stream.clone(), connection.member.watch.clone());
    watch.head_begun();
    let origin = Origin::new(connection.member.fleet.clone(), watch.clone());
    let socket = Socket::gated(stream, origin.clone(), &first);
    let dispatch = Dispatch {
        service: connection.service.clone(),
        origin,
    };
    let mut served = builder(&limits).serve_connection(socket, dispatch);
    let mut told = Told::Nothing;
    let mut attendance = Attendance::default();
    let mut seen = Seen::default();
    let end = poll_fn(|cx| {
        match attendance.attend(&watch, cx.waker()) {
            Order::Serve => {}
            Order::Finish => told = told.or_tell(&watch, &mut served),
            Order::Cut => return Poll::Ready(Some(End::Close)),
        }
        if let Poll::Ready(outcome) = Pin::new(&mut served).poll(cx) {
            return Poll::Ready(outcome.is_err().then_some(End::Linger(None)));
        }
        let fleet = &connection.member.fleet;
        if fleet.wants_room() && watch.is_idle() && fleet.take_wish_for_room() {
            return Poll::Ready(Some(End::Close));
        }
        poll_due(cx, connection, &limits, &mut seen).map(Some)
    })
    .await;
    let refusal = watch.take_refusal();
    match end {
        Some(End::Close | End::Hibernate) => end.expect("it is there"),
        Some(End::Linger(timed_out)) => End::Linger(refusal.or(timed_out)),
        None if refusal.is_some() => End::Linger(refusal),
        None => match served.into_parts().io.is_between_requests() {
            true => End::Close,
            false => End::Linger(None),
        },
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .timer(LaneTimer)
        // The gate has the time of a head, and counts its fields.
        .header_read_timeout(None)
        .max_buf_size(BUFFER.max(limits.head_bytes + 1));
    if limits.head_fields > FIELDS {
        builder.max_headers(limits.head_fields);
    }
    builder
}

/// Whether hyper knows that this is the last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    ToFinish,
}

impl Told {
    fn or_tell<S, B>(self, watch: &Watch, served: &mut Served<S>) -> Told
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        // A head that has begun is waited for: hyper does not know of it yet and would close.
        let may_be_told = watch.has_requests() || watch.is_idle();
        if self == Told::Nothing && may_be_told {
            Pin::new(served).graceful_shutdown();
            return Told::ToFinish;
        }
        self
    }
}

fn poll_due<S>(
    cx: &mut Context<'_>,
    connection: &mut Connection<S>,
    limits: &Limits,
    seen: &mut Seen,
) -> Poll<End> {
    let (alarm, watch) = (&mut connection.alarm, &connection.member.watch);
    // In HTTP/1 all of this happens in the connection's own task.
    loop {
        let Some(term) = watch.due(limits, Rest::ToHibernate) else {
            // A request is served. Of a client that has reset the connection, hyper would learn by
            // the next write alone, and the service may never have one.
            return connection.stream.poll_over(cx).map(|()| End::Close);
        };
        let rings = alarm.poll_since(cx, term.deadline, term.since, seen);
        if rings.is_pending() {
            return Poll::Pending;
        }
        // What is due may have changed meanwhile on another thread.
        if watch.due(limits, Rest::ToHibernate) == Some(term) {
            return Poll::Ready(match term.due {
                Due::Hibernate => End::Hibernate,
                Due::Head => End::Linger(Some(Refusal::TimedOut)),
                Due::Idle | Due::Stalled => End::Close,
            });
        }
    }
}
