//! The knowledge about one connection: what it waits for, and what it was told to do.
//!
//! The connection's own task, the requests on it and the server share this. It decides when the
//! client has had its time; `connection/` acts on that.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::uri::{Authority, PathAndQuery};
use http::{Method, Request};
use laneway::TaskId;
use laneway::time::now;

use super::peer::Peer;
use super::report::{CutConnection, Doing};
use super::unsent::Sent;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// One connection as the server sees it. A server has one for each, most of which rest.
#[derive(Debug)]
pub(crate) struct Watch {
    peer: Peer,
    /// The [`Order`]: raised under the lock of the state, and read without it.
    order: AtomicU8,
    /// The connection's task, once it has one.
    task: OnceLock<TaskId>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waits: Waits,
    /// Since when the connection has waited for that.
    since: Instant,
    /// None before the first request, and of a connection that hibernates.
    serving: Option<Box<Serving>>,
    /// The connection's task.
    waker: Option<Waker>,
}

/// The facts about a connection that has requests.
#[derive(Debug, Default)]
struct Serving {
    /// Since when the socket has taken no bytes.
    blocked: Option<Instant>,
    held_up: HeldUp,
    requests: Vec<InFlight>,
    /// The number of the next request.
    next: u64,
    /// Why nothing more is let through, until the connection has learned it.
    refused: Option<Refusal>,
    /// Tasks that wait for an upgrade, or for the end of the server while they have one, with the
    /// number of the request.
    onlookers: Vec<(u64, Waker)>,
}

/// The server's order to the connection.
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

/// The next part that the client owes while no request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    FirstByte,
    /// The rest of a handshake.
    Handshake,
    NextRequest,
    /// The rest of a head.
    Head,
    /// Nothing: the connection is about to close.
    Closing,
}

/// A request that is being served, or an upgraded connection.
#[derive(Debug)]
pub(crate) struct InFlight {
    number: u64,
    pub(crate) method: Method,
    target: Target,
    /// When it began: the request, or the other protocol.
    pub(crate) since: Instant,
    doing: Doing,
    /// When the last part of the answer was given to hyper, if it has not asked for another one.
    given: Option<Instant>,
    /// The refusal of its body, if something is wrong with that.
    failed: Option<Refusal>,
    taker: Taker,
    /// The task that serves it, if that is not the connection's own.
    task: Option<TaskId>,
}

/// Whether a task may still take what a request is answered to give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// In HTTP/1, hyper knows better.
    Possible,
    Gone,
}

/// Whether the socket has been blocked since the last answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HeldUp {
    #[default]
    Never,
    Once,
}

/// The purpose of a request.
#[derive(Debug)]
enum Target {
    Path(PathAndQuery),
    /// The host and port of a tunnel.
    Host(Authority),
    Nothing,
}

impl Target {
    fn of<B>(request: &Request<B>) -> Target {
        let uri = request.uri();
        match (uri.path_and_query(), uri.authority()) {
            (Some(path), _) => Target::Path(path.clone()),
            (None, Some(host)) => Target::Host(host.clone()),
            (None, None) => Target::Nothing,
        }
    }
}

impl InFlight {
    /// Whether another protocol has its connection or stream, or has just dropped it.
    fn is_given_away(&self) -> bool {
        matches!(self.doing, Doing::Upgraded | Doing::Closing)
    }

    /// The path without its query, or the host of a tunnel.
    pub(crate) fn path(&self) -> &str {
        match &self.target {
            Target::Path(path) => path.path(),
            Target::Host(host) => host.as_str(),
            Target::Nothing => "",
        }
    }
}

/// The state that a connection counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Idle,
    /// It speaks another protocol.
    Upgraded,
    Busy,
}

/// The first thing that a connection does when it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    ToHibernate,
    ToEnd,
}

/// A thing that a connection has time for, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) since: Instant,
    pub(crate) time: Duration,
    pub(crate) due: Due,
}

/// The action for a connection whose time has come.
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
            peer: peer.into(),
            order: AtomicU8::new(Order::Serve as u8),
            task: OnceLock::new(),
            state: Mutex::new(State {
                waits: Waits::FirstByte,
                since: now(),
                serving: None,
                waker: None,
            }),
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        (&self.peer).into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an order, unless a stronger one was given, and wakes the connection.
    pub(crate) fn give(&self, order: Order) {
        let mut state = self.state();
        // Release: pairs with the Acquire in `order`. Before the look for the waker: a task that
        // leaves its waker later finds the order.
        self.order.fetch_max(order as u8, Ordering::Release);
        let waker = state.waker.clone();
        let onlookers = state.take_onlookers();
        // Unlock before waking: the task's first act is to take this lock.
        drop(state);
        waker.into_iter().chain(onlookers).for_each(Waker::wake);
    }

    /// The present order of the server.
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

    /// Notes that the connection waits for this from now on.
    pub(crate) fn set_waits(&self, waits: Waits) {
        self.state().wait_for(waits, now());
    }

    /// Notes that only the end is to come, unless a request is served.
    pub(crate) fn set_closing(&self) {
        let mut state = self.state();
        if state.requests().is_empty() && state.waits != Waits::Closing {
            state.wait_for(Waits::Closing, now());
        }
    }

    /// Notes that a byte of a head has come, if that is the first.
    pub(crate) fn head_begun(&self) {
        let mut state = self.state();
        if state.waits != Waits::Head {
            state.wait_for(Waits::Head, now());
        }
    }

    /// Notes that a byte of a handshake has come, if that is the first.
    pub(crate) fn handshake_begun(&self) {
        let mut state = self.state();
        if state.waits == Waits::FirstByte {
            state.waits = Waits::Handshake;
        }
    }

    /// Notes that the socket takes no bytes. hyper has got the whole answers of the requests with
    /// lower numbers than `given`.
    pub(crate) fn write_blocked(&self, given: u64) {
        let mut state = self.state();
        let serving = state.serving();
        serving.blocked.get_or_insert_with(now);
        serving.held_up = HeldUp::Once;
        let answered = serving.requests.iter_mut();
        let answered = answered.filter(|request| request.number < given);
        answered.for_each(|request| request.doing = Doing::Answering);
    }

    pub(crate) fn write_went_on(&self) {
        self.state().serving().blocked = None;
    }

    /// Whether the socket takes no bytes.
    pub(crate) fn is_blocked(&self) -> bool {
        self.state().blocked().is_some()
    }

    /// Notes that nothing more is let through.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.state().serving().refused = Some(refusal);
    }

    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.state().serving.as_mut()?.refused.take()
    }

    /// Enters a request. Its number, and when it began.
    pub(crate) fn begin<B>(&self, request: &Request<B>) -> (u64, Instant) {
        let since = now();
        let (method, target) = (request.method().clone(), Target::of(request));
        let mut state = self.state();
        state.head_ended();
        let serving = state.serving();
        let number = serving.next;
        serving.next += 1;
        serving.requests.push(InFlight {
            number,
            method,
            target,
            since,
            doing: Doing::Handling,
            given: None,
            failed: None,
            taker: Taker::Possible,
            task: None,
        });
        (number, since)
    }

    /// Notes the task of the connection.
    pub(crate) fn is_led_by(&self, task: TaskId) {
        let noted = self.task.set(task);
        debug_assert!(noted.is_ok(), "a connection has one task");
    }

    /// Notes that the request that was entered last has a task of its own.
    pub(crate) fn last_is_served_by(&self, task: TaskId) {
        let mut state = self.state();
        let serving = state.serving();
        let last = serving.next.wrapping_sub(1);
        if let Some(place) = serving.place(last) {
            // Another one may be spawned later, for a stream that is given away.
            serving.requests[place].task.get_or_insert(task);
        }
    }

    /// The method and path of the request that a task serves at the moment, if it serves one.
    pub(crate) fn served_by(&self, task: TaskId) -> Option<String> {
        let is_ours = self.task.get() == Some(&task);
        let state = self.state();
        let mut requests = state.requests().iter();
        let request = requests.find(|request| match request.task {
            Some(own) => own == task,
            None => is_ours && request.doing != Doing::Upgraded,
        });
        request.map(|request| format!("{} {}", request.method, request.path()))
    }

    /// Takes a request of HTTP/2 out again, unless another protocol has its stream.
    pub(crate) fn end(&self, number: u64) {
        let mut state = self.state();
        let serving = state.serving();
        let place = serving.place(number);
        let place = place.filter(|&place| !serving.requests[place].is_given_away());
        let ended = place.map(|place| serving.requests.swap_remove(place));
        // hyper has told them that there is no upgrade, unless there is one.
        let onlookers = ended.as_ref().map(|_| serving.take_onlookers_of(number));
        state.wait_for_more(now());
        drop(state);
        drop((ended, onlookers));
    }

    /// Notes that answers are sent.
    pub(crate) fn sent(&self, sent: Sent) {
        let mut state = self.state();
        let serving = state.serving();
        let mut given = None;
        // In place: the next request finds the memory there.
        serving.requests.retain(|request| {
            if request.number + 1 == sent.before {
                given = Some(request.since + sent.took);
            }
            request.number >= sent.before || request.doing == Doing::Upgraded
        });
        // A client that has taken its time rests from now on.
        let rests = match mem::take(&mut serving.held_up) {
            HeldUp::Never => given.unwrap_or_else(now),
            HeldUp::Once => now(),
        };
        state.wait_for_more(rests);
    }

    pub(crate) fn note(&self, number: u64, doing: Doing) {
        self.change(number, |request| request.doing = doing);
    }

    /// Notes that the body of a request cannot be read to its end.
    pub(crate) fn note_failed(&self, number: u64, refusal: Refusal) {
        self.change(number, |request| request.failed = Some(refusal));
    }

    /// Notes that the service has answered. Returns the fault of the request's body, if it had one.
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
        let mut requests = state.requests().iter();
        let request = requests.find(|request| request.number == number);
        request.map_or_else(String::new, |request| {
            format!("{} {}", request.method, request.path())
        })
    }

    /// Notes that the answer to a request gives the connection away, or in HTTP/2 its stream,
    /// unless no task can take it any more. The request lasts from now on for as long as that.
    pub(crate) fn begin_upgrade(&self, number: u64) -> Taker {
        let mut taker = Taker::Gone;
        self.change(number, |request| {
            taker = request.taker;
            if taker == Taker::Possible {
                (request.doing, request.since) = (Doing::Upgraded, now());
            }
        });
        taker
    }

    /// Gives the room for further requests back: none will come.
    pub(crate) fn free_room(&self) {
        self.state().serving().requests.shrink_to_fit();
    }

    /// Notes that the task that had a stream has dropped it. Its last bytes are an answer as others
    /// are.
    pub(crate) fn part_from_stream(&self, number: u64) {
        self.change(number, |request| {
            (request.doing, request.given) = (Doing::Closing, Some(now()));
        });
        self.wake();
    }

    /// Notes that a stream is over, and gives its request back, or else that no task will take it.
    pub(crate) fn leave_stream(&self, number: u64) -> Option<InFlight> {
        let mut state = self.state();
        let serving = state.serving();
        let place = serving.place(number)?;
        if !serving.requests[place].is_given_away() {
            serving.requests[place].taker = Taker::Gone;
            return None;
        }
        let ended = serving.requests.swap_remove(place);
        let onlookers = serving.take_onlookers_of(number);
        state.wait_for(Waits::NextRequest, now());
        // Unlock before waking: the tasks' first act is to take this lock.
        drop(state);
        onlookers.into_iter().for_each(Waker::wake);
        self.wake();
        Some(ended)
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        let waker = self.state().waker.clone();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Notes that the task that had the connection has dropped it, and wakes that of the
    /// connection. Gives the upgrade back.
    pub(crate) fn end_upgrade(&self, number: u64) -> Option<InFlight> {
        let mut state = self.state();
        let place = state.serving().place(number);
        let ended = place.map(|place| state.serving().requests.swap_remove(place));
        let onlookers = state.take_onlookers();
        state.wait_for(Waits::Closing, now());
        let waker = state.waker.clone();
        // Unlock before waking: the task's first act is to take this lock.
        drop(state);
        waker.into_iter().chain(onlookers).for_each(Waker::wake);
        ended
    }

    /// Notes that a request for an upgrade got another answer.
    pub(crate) fn refuse_upgrade(&self, number: u64) {
        self.change(number, |request| request.doing = Doing::Answering);
        let onlookers = self.state().serving().take_onlookers_of(number);
        onlookers.into_iter().for_each(Waker::wake);
    }

    /// Ready when the request for an upgrade has got another answer.
    pub(crate) fn poll_refused(&self, number: u64, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        let serving = state.serving();
        let request = serving.place(number).map(|place| &serving.requests[place]);
        if request.is_none_or(|request| request.doing == Doing::Answering) {
            return Poll::Ready(());
        }
        serving.leave_onlooker(number, cx.waker())
    }

    /// Ready when the server wants its connections to end, or the upgrade is over.
    pub(crate) fn poll_end_begun(&self, number: u64, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        // Under the lock, under which the order is given.
        if self.order() != Order::Serve {
            return Poll::Ready(());
        }
        let serving = state.serving();
        match serving.place(number) {
            Some(_) => serving.leave_onlooker(number, cx.waker()),
            None => Poll::Ready(()),
        }
    }

    /// Notes that hyper has got a part of the answer, or asks for one.
    pub(crate) fn note_given(&self, number: u64, given: Option<Instant>) {
        self.change(number, |request| request.given = given);
    }

    /// Notes that a part of the answer goes on its way, if hyper does not ask for another one.
    pub(crate) fn note_progress(&self, number: u64) {
        self.change(number, |request| {
            request.given = request.given.map(|_| now())
        });
    }

    /// Changes a request, unless it is over: a task may read its body on, and the connection may
    /// hibernate meanwhile.
    fn change(&self, number: u64, change: impl FnOnce(&mut InFlight)) {
        let mut state = self.state();
        let mut requests = state.serving.iter_mut().flat_map(|it| &mut it.requests);
        if let Some(request) = requests.find(|request| request.number == number) {
            change(request);
        }
    }

    /// Gives back the memory for requests: all of them are over.
    pub(crate) fn hibernate(&self) {
        let serving = self.state().serving.take();
        debug_assert!(serving.is_none_or(|serving| serving.requests.is_empty()));
    }

    pub(crate) fn hibernates(&self) -> bool {
        let state = self.state();
        state.waits == Waits::NextRequest && state.serving.is_none()
    }

    pub(crate) fn has_requests(&self) -> bool {
        !self.state().requests().is_empty()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state().is_idle()
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        self.state().is_upgraded()
    }

    /// The state that the connection counts as.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.state();
        match state.is_idle() {
            true => Standing::Idle,
            false if state.is_upgraded() => Standing::Upgraded,
            false => Standing::Busy,
        }
    }

    /// Since when it has been idle, if it is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        state.is_idle().then_some(state.since)
    }

    /// The action that is due next, and its time.
    pub(crate) fn due(&self, limits: &Limits, rest: Rest) -> Option<Term> {
        let state = self.state();
        let given = state.requests().iter().filter_map(|request| request.given);
        if let Some(stalled) = state.blocked().into_iter().chain(given).min() {
            return Some(Term::new(stalled, limits.write_stall, Due::Stalled));
        }
        if !state.requests().is_empty() {
            return None;
        }
        let (time, due) = match state.waits {
            Waits::FirstByte => (limits.first_byte, Due::Idle),
            Waits::Handshake => (limits.handshake, Due::Idle),
            Waits::Head => (limits.head_time, Due::Head),
            Waits::NextRequest => match rest {
                Rest::ToHibernate if limits.hibernate < limits.idle => {
                    (limits.hibernate, Due::Hibernate)
                }
                _ => (limits.idle, Due::Idle),
            },
            Waits::Closing => (limits.linger.1, Due::Stalled),
        };
        Some(Term::new(state.since, time, due))
    }

    /// The activities that the connection is cut off from: each of its requests, or another one
    /// without a request.
    pub(crate) fn cut(&self) -> Vec<CutConnection> {
        let state = self.state();
        let requests = state.requests().iter();
        let of_request = |request: &InFlight| CutConnection {
            peer: self.peer(),
            method: Some(request.method.clone()),
            path: Some(request.path().to_owned()),
            doing: request.doing,
            since: request.since,
        };
        let mut cut: Vec<_> = requests.map(of_request).collect();
        if cut.is_empty() {
            cut.push(CutConnection {
                peer: self.peer(),
                method: None,
                path: None,
                doing: state.waits.doing(),
                since: state.since,
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
    fn wait_for(&mut self, waits: Waits, since: Instant) {
        (self.waits, self.since) = (waits, since);
    }

    /// Notes that the head which has begun is whole.
    fn head_ended(&mut self) {
        if self.waits == Waits::Head {
            self.waits = Waits::NextRequest;
        }
    }

    /// Waits for the next request, or for the rest of its head if that has begun during the one
    /// before.
    fn wait_for_more(&mut self, since: Instant) {
        let waits = match self.waits {
            Waits::Head => Waits::Head,
            _ => Waits::NextRequest,
        };
        self.wait_for(waits, since);
    }

    fn serving(&mut self) -> &mut Serving {
        self.serving.get_or_insert_default()
    }

    fn requests(&self) -> &[InFlight] {
        self.serving
            .as_ref()
            .map_or(&[], |serving| &serving.requests)
    }

    fn blocked(&self) -> Option<Instant> {
        self.serving.as_ref()?.blocked
    }

    fn is_upgraded(&self) -> bool {
        let mut requests = self.requests().iter();
        requests.any(|request| request.doing == Doing::Upgraded)
    }

    fn take_onlookers(&mut self) -> Vec<Waker> {
        let serving = self.serving.as_mut();
        let onlookers = serving.map(|serving| mem::take(&mut serving.onlookers));
        let onlookers = onlookers.into_iter().flatten();
        onlookers.map(|(_, waker)| waker).collect()
    }

    fn is_idle(&self) -> bool {
        let rests = matches!(self.waits, Waits::FirstByte | Waits::NextRequest);
        rests && self.requests().is_empty() && self.blocked().is_none()
    }
}

impl Serving {
    fn leave_onlooker(&mut self, number: u64, waker: &Waker) -> Poll<()> {
        let mut left = self.onlookers.iter();
        if !left.any(|(of, left)| *of == number && left.will_wake(waker)) {
            self.onlookers.push((number, waker.clone()));
        }
        Poll::Pending
    }

    fn take_onlookers_of(&mut self, number: u64) -> Vec<Waker> {
        let taken = self.onlookers.extract_if(.., |(of, _)| *of == number);
        taken.map(|(_, waker)| waker).collect()
    }

    fn place(&self, number: u64) -> Option<usize> {
        let mut requests = self.requests.iter();
        requests.position(|request| request.number == number)
    }
}

impl Term {
    fn new(since: Instant, time: Duration, due: Due) -> Term {
        Term { since, time, due }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.since + self.time
    }
}

impl Waits {
    fn doing(self) -> Doing {
        match self {
            Waits::FirstByte | Waits::NextRequest => Doing::Resting,
            Waits::Handshake => Doing::Handshaking,
            Waits::Head => Doing::ReadingHead,
            Waits::Closing => Doing::Closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new("127.0.0.1:1".parse().unwrap())
    }

    fn get() -> Request<()> {
        Request::get("/").body(()).unwrap()
    }

    fn due(watch: &Watch) -> Due {
        let term = watch.due(&Limits::public(), Rest::ToHibernate);
        term.expect("no request is served").due
    }

    fn send(watch: &Watch, before: u64) {
        let took = Duration::ZERO;
        watch.sent(Sent { before, took });
    }

    #[test]
    fn a_connection_rests_after_a_request_whose_head_came_in_pieces() {
        let watch = watch();
        watch.head_begun();
        assert_eq!(due(&watch), Due::Head);
        watch.begin(&get());
        send(&watch, 1);
        assert_eq!(due(&watch), Due::Hibernate);
    }

    #[test]
    fn a_task_that_has_read_on_after_the_answer_wakes_no_connection() {
        let watch = watch();
        let (request, _) = watch.begin(&get());
        send(&watch, request + 1);
        watch.hibernate();
        watch.note(request, Doing::Handling);
        watch.note_failed(request, Refusal::TimedOut);
        assert!(watch.hibernates());
    }

    /// Its bytes would be thrown away if the connection were to hibernate.
    #[test]
    fn a_head_that_begins_before_an_answer_is_sent_is_no_rest() {
        let watch = watch();
        watch.begin(&get());
        watch.head_begun();
        send(&watch, 1);
        assert_eq!(due(&watch), Due::Head);
        assert!(!watch.is_idle());
        watch.begin(&get());
        watch.end(1);
        assert_eq!(due(&watch), Due::Hibernate);
    }
}
