//! What is known of one connection: what it waits for, and what it was told to do.
//!
//! The connection's own task, the requests on it and the server share this. It decides when the
//! client has had its time; `connection.rs` acts on that.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use http::Method;
use http::request::Parts;
use http::uri::PathAndQuery;
use laneway::time::now;

use super::limits::Limits;
use super::refusal::Refusal;
use super::report::{CutConnection, Doing};
use super::unsent::Sent;

/// One connection as the server sees it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) peer: SocketAddr,
    /// The [`Order`]: raised under the lock of the state, and read without it.
    order: AtomicU8,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waits: Waits,
    /// Since when the socket has taken no bytes.
    blocked: Option<Instant>,
    held_up: HeldUp,
    requests: Vec<InFlight>,
    /// The number of the next request.
    next: u64,
    /// Why the gate lets nothing more through, until the connection has learned it.
    refused: Option<Refusal>,
    /// The connection's task.
    waker: Option<Waker>,
}

/// What the server has told the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Order {
    Serve = 0,
    /// End with the requests that have begun.
    Finish = 1,
    /// End at once.
    Cut = 2,
}

/// The waker that a connection's task has left, which it need not leave again.
#[derive(Debug, Default)]
pub(crate) struct Attendance(Option<Waker>);

/// What the client owes while no request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    FirstByte(Instant),
    /// The rest of a handshake.
    Handshake(Instant),
    NextRequest(Instant),
    /// The rest of a head.
    Head(Instant),
    /// Nothing: the connection is about to close.
    Closing(Instant),
}

/// A request that is being served.
#[derive(Debug)]
struct InFlight {
    number: u64,
    method: Method,
    /// None of a request that has none: `CONNECT`.
    path: Option<PathAndQuery>,
    since: Instant,
    doing: Doing,
    /// When the last part of the answer was given to hyper, if it has not asked for another one.
    given: Option<Instant>,
    /// What is wrong with its body.
    failed: Option<Refusal>,
}

/// Whether the socket has been blocked since the last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldUp {
    Never,
    Once,
}

impl InFlight {
    fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }
}

/// What a connection that rests does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    ToHibernate,
    ToEnd,
}

/// What a connection has time for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) due: Due,
}

/// What there is to do for a connection whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A rest has lasted long enough to free the buffers.
    Hibernate,
    /// The client said nothing for too long.
    Idle,
    /// The head took too long.
    Head,
    /// The client has not read on for too long.
    Stalled,
}

impl Watch {
    pub(crate) fn new(peer: SocketAddr) -> Watch {
        Watch {
            peer,
            order: AtomicU8::new(Order::Serve as u8),
            state: Mutex::new(State {
                waits: Waits::FirstByte(now()),
                blocked: None,
                held_up: HeldUp::Never,
                requests: Vec::new(),
                next: 0,
                refused: None,
                waker: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an order, unless a stronger one was given, and wakes the connection.
    pub(crate) fn give(&self, order: Order) {
        let state = self.state();
        // Release: pairs with the Acquire in `order`. Before the look for the waker: a task that
        // leaves its waker later finds the order.
        self.order.fetch_max(order as u8, Ordering::Release);
        let waker = state.waker.clone();
        // Unlock before waking: the task's first act is to take this lock.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the server wants.
    pub(crate) fn order(&self) -> Order {
        Order::of(self.order.load(Ordering::Acquire))
    }

    /// Leaves the waker of the connection's task, and tells what the server wants.
    pub(crate) fn attend(&self, waker: &Waker) -> Order {
        let mut state = self.state();
        let known = state.waker.as_ref();
        let known = known.is_some_and(|kept| kept.will_wake(waker));
        let old = match known {
            true => None,
            false => state.waker.replace(waker.clone()),
        };
        drop(state);
        drop(old);
        self.order()
    }

    pub(crate) fn set_waits(&self, waits: Waits) {
        self.state().waits = waits;
    }

    /// Notes that only the end is to come, unless a request is served.
    pub(crate) fn set_closing(&self) {
        let mut state = self.state();
        if state.requests.is_empty() && !matches!(state.waits, Waits::Closing(_)) {
            state.waits = Waits::Closing(now());
        }
    }

    /// Notes that a byte of a head has come, if that is the first.
    pub(crate) fn head_begun(&self) {
        let mut state = self.state();
        if !matches!(state.waits, Waits::Head(_)) {
            state.waits = Waits::Head(now());
        }
    }

    /// Notes that a byte of a handshake has come, if that is the first.
    pub(crate) fn handshake_begun(&self) {
        let mut state = self.state();
        if let Waits::FirstByte(since) = state.waits {
            state.waits = Waits::Handshake(since);
        }
    }

    /// Notes that the socket takes no bytes. hyper has got the whole answers of the requests with
    /// lower numbers than `given`.
    pub(crate) fn write_blocked(&self, given: u64) {
        let mut state = self.state();
        state.blocked.get_or_insert_with(now);
        state.held_up = HeldUp::Once;
        let answered = state.requests.iter_mut();
        let answered = answered.filter(|request| request.number < given);
        answered.for_each(|request| request.doing = Doing::Answering);
    }

    pub(crate) fn write_went_on(&self) {
        self.state().blocked = None;
    }

    /// Notes that the gate lets nothing more through.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.state().refused = Some(refusal);
    }

    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.state().refused.take()
    }

    /// Enters a request. Its number, and when it began.
    pub(crate) fn begin(&self, head: &Parts) -> (u64, Instant) {
        let since = now();
        let (method, path) = (head.method.clone(), head.uri.path_and_query().cloned());
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.requests.push(InFlight {
            number,
            method,
            path,
            since,
            doing: Doing::Handling,
            given: None,
            failed: None,
        });
        (number, since)
    }

    /// Takes a request out again.
    pub(crate) fn end(&self, number: u64) {
        let mut state = self.state();
        let place = state.place(number);
        let ended = place.map(|place| state.requests.swap_remove(place));
        state.waits = Waits::NextRequest(now());
        drop(state);
        drop(ended);
    }

    /// Notes that answers are sent.
    pub(crate) fn sent(&self, sent: Sent) {
        let mut state = self.state();
        // In place: the next request finds the memory there.
        state
            .requests
            .retain(|request| request.number >= sent.before);
        // A client that has taken its time rests from now on.
        let rests = match state.held_up {
            HeldUp::Never => sent.given,
            HeldUp::Once => now(),
        };
        state.held_up = HeldUp::Never;
        state.waits = Waits::NextRequest(rests);
    }

    pub(crate) fn note(&self, number: u64, doing: Doing) {
        self.change(number, |request| request.doing = doing);
    }

    /// Notes that the body of a request cannot be read to its end.
    pub(crate) fn note_failed(&self, number: u64, refusal: Refusal) {
        self.change(number, |request| request.failed = Some(refusal));
    }

    /// Notes that the service has answered. What was wrong with the request's body, if anything.
    pub(crate) fn answered(&self, number: u64) -> Option<Refusal> {
        let mut failed = None;
        self.change(number, |request| {
            request.doing = Doing::Answering;
            failed = request.failed;
        });
        failed
    }

    /// The method and path of a request, for the log.
    pub(crate) fn request_line(&self, number: u64) -> String {
        let state = self.state();
        let request = state.place(number).map(|place| &state.requests[place]);
        request.map_or_else(String::new, |request| {
            format!("{} {}", request.method, request.path())
        })
    }

    /// Notes that hyper has got a part of the answer, or asks for one.
    pub(crate) fn note_given(&self, number: u64, given: Option<Instant>) {
        self.change(number, |request| request.given = given);
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut InFlight)) {
        let mut state = self.state();
        if let Some(place) = state.place(number) {
            change(&mut state.requests[place]);
        }
    }

    /// Gives back the memory for requests that are over.
    pub(crate) fn shrink(&self) {
        self.state().requests.shrink_to_fit();
    }

    pub(crate) fn has_requests(&self) -> bool {
        !self.state().requests.is_empty()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state().is_idle()
    }

    /// Since when it has been idle, if it is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        match state.waits {
            Waits::FirstByte(since) | Waits::NextRequest(since) if state.is_idle() => Some(since),
            _ => None,
        }
    }

    /// What is due next, and when.
    pub(crate) fn due(&self, limits: &Limits, rest: Rest) -> Option<Term> {
        let state = self.state();
        let given = state.requests.iter().filter_map(|request| request.given);
        if let Some(stalled) = state.blocked.into_iter().chain(given).min() {
            return Some(Term::new(stalled, limits.write_stall, Due::Stalled));
        }
        if !state.requests.is_empty() {
            return None;
        }
        Some(match state.waits {
            Waits::FirstByte(since) => Term::new(since, limits.first_byte, Due::Idle),
            Waits::Handshake(since) => Term::new(since, limits.handshake, Due::Idle),
            Waits::Head(since) => Term::new(since, limits.head_time, Due::Head),
            Waits::NextRequest(since) => match rest {
                Rest::ToHibernate if limits.hibernate < limits.idle => {
                    Term::new(since, limits.hibernate, Due::Hibernate)
                }
                _ => Term::new(since, limits.idle, Due::Idle),
            },
            Waits::Closing(since) => Term::new(since, limits.linger.1, Due::Stalled),
        })
    }

    /// What the connection is cut off from: each of its requests, or what it does without one.
    pub(crate) fn cut(&self) -> Vec<CutConnection> {
        let state = self.state();
        let requests = state.requests.iter();
        let of_request = |request: &InFlight| CutConnection {
            peer: self.peer,
            method: Some(request.method.clone()),
            path: Some(request.path().to_owned()),
            doing: request.doing,
            since: request.since,
        };
        let mut cut: Vec<_> = requests.map(of_request).collect();
        if cut.is_empty() {
            let (doing, since) = state.waits.doing();
            cut.push(CutConnection {
                peer: self.peer,
                method: None,
                path: None,
                doing,
                since,
            });
        }
        cut
    }
}

impl Attendance {
    /// As [`Watch::attend`], in each poll of the task.
    pub(crate) fn attend(&mut self, watch: &Watch, waker: &Waker) -> Order {
        match &self.0 {
            Some(left) if left.will_wake(waker) => watch.order(),
            _ => {
                self.0 = Some(waker.clone());
                watch.attend(waker)
            }
        }
    }
}

impl Order {
    fn of(word: u8) -> Order {
        match word {
            0 => Order::Serve,
            1 => Order::Finish,
            _ => Order::Cut,
        }
    }
}

impl State {
    fn place(&self, number: u64) -> Option<usize> {
        let mut requests = self.requests.iter();
        requests.position(|request| request.number == number)
    }

    fn is_idle(&self) -> bool {
        let rests = matches!(self.waits, Waits::FirstByte(_) | Waits::NextRequest(_));
        rests && self.requests.is_empty() && self.blocked.is_none()
    }
}

impl Term {
    fn new(since: Instant, time: Duration, due: Due) -> Term {
        Term {
            since,
            deadline: since + time,
            due,
        }
    }
}

impl Waits {
    fn doing(self) -> (Doing, Instant) {
        match self {
            Waits::FirstByte(since) | Waits::NextRequest(since) => (Doing::Resting, since),
            Waits::Handshake(since) => (Doing::Handshaking, since),
            Waits::Head(since) => (Doing::ReadingHead, since),
            Waits::Closing(since) => (Doing::Closing, since),
        }
    }
}
