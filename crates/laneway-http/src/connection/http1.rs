//! A connection in HTTP/1, from a first byte to a rest or an end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::server::conn::http1;

use super::connection::{Connection, End};
use super::socket::Socket;
use crate::exchange::Dispatch;
use crate::exchange::Origin;
use crate::exchange::Serves;
use crate::fleet::Seen;
use crate::fleet::{Attendance, Due, Order, Rest, Watch};
use crate::limits::Limits;
use crate::refusal::Refusal;

/// How hyper's buffers may grow: what it writes at once, too.
const BUFFER: usize = 256 * 1024;

/// How many fields hyper takes unless it is told otherwise, which costs it more.
const FIELDS: usize = 100;

pub(crate) async fn serve<S: Serves>(connection: &mut Connection<S>, first: BytesMut) -> End {
    let mut next = Next::Serve(first);
    loop {
        let mut serving = match next {
            Next::Serve(first) => Serving::new(connection, first),
            Next::End(end) => return end,
        };
        next = match poll_fn(|cx| serving.poll(cx)).await {
            Some(End::GivenAway) => Next::End(Box::pin(serving.give_away()).await),
            end => serving.end(end),
        };
    }
}

/// The stage that follows one of hyper's.
enum Next {
    /// Another one, whose first bytes have come already.
    Serve(BytesMut),
    End(End),
}

/// A connection that hyper serves.
struct Serving<'a, S: Serves> {
    connection: &'a mut Connection<S>,
    watch: Arc<Watch>,
    limits: Arc<Limits>,
    served: http1::Connection<Socket, Dispatch<S>>,
    told: Told,
    attendance: Attendance,
    seen: Seen,
    origin: Arc<Origin>,
}

/// Whether hyper knows that this is the last request, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// A rest. hyper ends at once, unless a task reads the body of the last request still.
    ToRest,
    /// The end of the connection.
    ToFinish,
}

impl<'a, S: Serves> Serving<'a, S> {
    fn new(connection: &'a mut Connection<S>, first: BytesMut) -> Serving<'a, S> {
        let (limits, watch) = (connection.limits(), connection.member.watch.clone());
        watch.head_begun();
        let dispatch = connection.dispatch();
        let origin = dispatch.origin.clone();
        let socket = Socket::gated(connection.stream.clone(), origin.clone(), first);
        Serving {
            connection,
            served: builder(&limits).serve_connection(socket, dispatch),
            watch,
            limits,
            told: Told::Nothing,
            attendance: Attendance::default(),
            seen: Seen::default(),
            origin,
        }
    }

    /// Ready when hyper's part is over. None: hyper has come to its end itself.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        match self.attendance.attend(&self.watch, cx.waker()) {
            Order::Serve => {}
            Order::Finish => self.tell_to_finish(),
            Order::Cut => return Poll::Ready(Some(End::Close)),
        }
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut self.served).poll(cx) {
                return Poll::Ready(outcome.is_err().then_some(End::Linger(None)));
            }
            if self.origin.handover.is_agreed() {
                return Poll::Ready(Some(End::GivenAway));
            }
            let fleet = &self.connection.member.fleet;
            if fleet.wants_room() && self.watch.is_idle() && fleet.take_wish_for_room() {
                return Poll::Ready(Some(End::Close));
            }
            match ready!(self.poll_due(cx)) {
                End::Hibernate => self.tell(Told::ToRest),
                end => return Poll::Ready(Some(end)),
            }
        }
    }

    fn tell_to_finish(&mut self) {
        // A head that has begun is waited for: hyper does not know of it yet and would close.
        let may_be_told = self.watch.has_requests() || self.watch.is_idle();
        if self.told != Told::ToFinish && may_be_told {
            self.tell(Told::ToFinish);
        }
    }

    fn tell(&mut self, told: Told) {
        Pin::new(&mut self.served).graceful_shutdown();
        self.told = told;
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        // In HTTP/1 all of this happens in the connection's own task.
        let rest = match self.told {
            Told::Nothing => Rest::ToHibernate,
            Told::ToRest | Told::ToFinish => Rest::ToEnd,
        };
        loop {
            let Some(term) = self.watch.due(&self.limits, rest) else {
                // A request is served. Of a client that has reset the connection, hyper would learn
                // by the next write alone, and the service may never have one.
                return self.connection.stream.poll_over(cx).map(|()| End::Close);
            };
            let alarm = &mut self.connection.alarm;
            ready!(alarm.poll_term(cx, term, &mut self.seen));
            // Another thread may have changed meanwhile what the alarm is for.
            if self.watch.due(&self.limits, rest) == Some(term) {
                return Poll::Ready(match term.due {
                    Due::Hibernate => End::Hibernate,
                    Due::Head => End::Linger(Some(Refusal::TimedOut)),
                    Due::Idle | Due::Stalled => End::Close,
                });
            }
        }
    }

    /// Lets hyper send the answer that gives the connection away, and then do so. A client that
    /// does not read it has the time of any answer.
    async fn give_away(self) -> End {
        let (connection, watch, limits) = (self.connection, self.watch, self.limits);
        let mut served = self.served.with_upgrades();
        let end = poll_fn(|cx| {
            if watch.attend(cx.waker()) == Order::Cut {
                return Poll::Ready(End::Close);
            }
            if let Poll::Ready(outcome) = Pin::new(&mut served).poll(cx) {
                return Poll::Ready(outcome.map_or(End::Close, |()| End::GivenAway));
            }
            let Some(term) = watch.due(&limits, Rest::ToEnd) else {
                return Poll::Pending;
            };
            connection
                .alarm
                .poll(cx, term.deadline())
                .map(|()| End::Close)
        });
        let end = end.await;
        // hyper has it still if there was no upgrade after all.
        match served.into_parts() {
            None => end,
            Some(_) => End::Close,
        }
    }

    /// The end of the connection, or its rest, or further requests.
    fn end(self, end: Option<End>) -> Next {
        let refusal = self.watch.take_refusal();
        Next::End(match end {
            Some(End::Linger(timed_out)) => End::Linger(refusal.or(timed_out)),
            Some(end) => end,
            None if refusal.is_some() => End::Linger(refusal),
            None if self.told == Told::ToRest => return rest(self.served.into_parts()),
            None => match self.served.into_parts().io.is_between_requests() {
                true => End::Close,
                false => End::Linger(None),
            },
        })
    }
}

/// A rest, unless a head has come before hyper has ended. Nothing that hyper has left unread of a
/// body may be taken for a head: the task that was to read it has given it up.
fn rest<S>(parts: http1::Parts<Socket, S>) -> Next {
    let next = parts.io.into_next().filter(|_| parts.read_buf.is_empty());
    match next {
        Some(first) if first.is_empty() => Next::End(End::Hibernate),
        Some(first) => Next::Serve(first),
        None => Next::End(End::Linger(None)),
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        // The gate has the time of a head, and counts its fields.
        .header_read_timeout(None)
        .max_buf_size(BUFFER.max(limits.head_bytes.saturating_add(1)));
    if limits.head_fields > FIELDS {
        builder.max_headers(limits.head_fields);
    }
    builder
}
