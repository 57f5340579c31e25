//! All connections of a server.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use laneway::TaskId;
use slab::Slab;

use super::metrics::Metrics;
use super::report::CutConnection;
use super::watch::{Order, Standing, Watch};
use crate::limits::Limits;

/// The connections of one server, and what they share.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Set when the serving begins.
    limits: OnceLock<Arc<Limits>>,
    /// Set with them.
    connect_protocol: OnceLock<ConnectProtocol>,
    pub(crate) metrics: Metrics,
    members: Mutex<Members>,
    /// Whether the acceptor waits for one that rests to make room.
    wants_room: AtomicBool,
}

/// Whether a `CONNECT` of HTTP/2 may name a protocol (RFC 8441).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConnectProtocol {
    #[default]
    NotOffered,
    Offered,
}

#[derive(Debug)]
struct Members {
    watches: Slab<Arc<Watch>>,
    /// The first order to new connections.
    order: Order,
    /// The connections that there were when the order came to finish.
    at_the_end: Counted,
    /// Tasks that wait for an order.
    wait_for_order: Vec<Waker>,
    /// Tasks that wait for connections to end. Not those above: an acceptor would be woken by the
    /// end of each connection.
    wait_for_end: Vec<Waker>,
}

/// How many connections rest, speak another protocol, and serve requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) idle: usize,
    pub(crate) upgraded: usize,
    pub(crate) busy: usize,
}

/// A connection among the others. Dropped, it is not one of them any more.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) watch: Arc<Watch>,
    key: usize,
}

impl Fleet {
    pub(crate) fn new() -> Fleet {
        Fleet {
            limits: OnceLock::new(),
            connect_protocol: OnceLock::new(),
            metrics: Metrics::default(),
            members: Mutex::new(Members {
                watches: Slab::new(),
                order: Order::Serve,
                at_the_end: Counted::default(),
                wait_for_order: Vec::new(),
                wait_for_end: Vec::new(),
            }),
            wants_room: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_terms(&self, limits: Limits, connect_protocol: ConnectProtocol) {
        let set = self.limits.set(Arc::new(limits)).is_ok()
            && self.connect_protocol.set(connect_protocol).is_ok();
        debug_assert!(set, "a server serves once");
    }

    pub(crate) fn limits(&self) -> &Arc<Limits> {
        self.limits.get_or_init(Arc::default)
    }

    pub(crate) fn connect_protocol(&self) -> ConnectProtocol {
        self.connect_protocol.get().copied().unwrap_or_default()
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(self: &Arc<Fleet>, peer: SocketAddr) -> Member {
        let watch = Arc::new(Watch::new(peer));
        let mut members = self.members();
        watch.give(members.order);
        let key = members.insert(watch.clone());
        drop(members);
        Member {
            fleet: self.clone(),
            watch,
            key,
        }
    }

    /// Gives all connections an order, also those to come.
    pub(crate) fn give(&self, order: Order) {
        let mut members = self.members();
        if members.order == Order::Serve && order != Order::Serve {
            members.at_the_end = members.counted();
        }
        members.order = members.order.max(order);
        let waiting = std::mem::take(&mut members.wait_for_order);
        let watches = members.watches.iter().map(|(_, watch)| watch.clone());
        let watches: Vec<_> = watches.collect();
        // Unlock before waking: what is woken takes this lock.
        drop(members);
        waiting.into_iter().for_each(Waker::wake);
        watches.iter().for_each(|watch| watch.give(order));
    }

    /// The connections that there were when the order came to finish.
    pub(crate) fn at_the_end(&self) -> Counted {
        self.members().at_the_end
    }

    /// Orders those `most` of the idle connections to end that have rested longest, or all if there
    /// are fewer. Their number.
    pub(crate) fn shed(&self, most: usize) -> usize {
        let members = self.members();
        let watches = members.watches.iter().map(|(_, watch)| watch);
        let idle = watches.filter_map(|watch| Some((watch.idle_since()?, watch.clone())));
        let mut idle: Vec<_> = idle.collect();
        drop(members);
        idle.sort_by_key(|(since, _)| *since);
        let shed = idle.iter().take(most);
        shed.map(|(_, watch)| watch.give(Order::Finish)).count()
    }

    /// Lets one connection end: an idle one, or else the first that begins to rest.
    pub(crate) fn make_room(&self) {
        // Before the look: a connection that rests after the look sees this.
        self.wants_room.store(true, Ordering::SeqCst);
        if self.shed(1) > 0 {
            self.wants_room.store(false, Ordering::SeqCst);
        }
    }

    pub(crate) fn wants_room(&self) -> bool {
        self.wants_room.load(Ordering::SeqCst)
    }

    /// Takes the wish for room over: whether a connection that rests is to end for another one. Of
    /// several connections that ask, one is told so.
    pub(crate) fn take_wish_for_room(&self) -> bool {
        self.wants_room.swap(false, Ordering::SeqCst)
    }

    /// Ready when `wanted` holds of the order that connections have.
    pub(crate) fn poll_order(&self, cx: &Context<'_>, wanted: impl Fn(Order) -> bool) -> Poll<()> {
        let mut members = self.members();
        if wanted(members.order) {
            return Poll::Ready(());
        }
        leave_waker(&mut members.wait_for_order, cx.waker())
    }

    /// Ready when `wanted` holds of the number of connections.
    pub(crate) fn poll_count(&self, cx: &Context<'_>, wanted: impl Fn(usize) -> bool) -> Poll<()> {
        let mut members = self.members();
        if wanted(members.watches.len()) {
            return Poll::Ready(());
        }
        leave_waker(&mut members.wait_for_end, cx.waker())
    }

    pub(crate) fn count(&self) -> usize {
        self.members().watches.len()
    }

    /// The requests and other activities of all connections that are left.
    pub(crate) fn cut(&self) -> Vec<CutConnection> {
        let members = self.members();
        let watches = members.watches.iter();
        let mut cut: Vec<_> = watches.flat_map(|(_, watch)| watch.cut()).collect();
        cut.sort_by_key(|cut| cut.since);
        cut
    }

    /// The method and path of the request that a task serves at the moment, if it serves one.
    pub(crate) fn served_by(&self, task: TaskId) -> Option<String> {
        let members = self.members();
        let mut watches = members.watches.iter();
        watches.find_map(|(_, watch)| watch.served_by(task))
    }

    pub(crate) fn hibernating(&self) -> usize {
        let members = self.members();
        let watches = members.watches.iter();
        watches.filter(|(_, watch)| watch.hibernates()).count()
    }

    /// The counts, in the text format of Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        self.metrics.write(&mut text);
        text.push_str(
            "# HELP laneway_http_connections Open connections; the hibernating ones are idle too.\n\
             # TYPE laneway_http_connections gauge\n",
        );
        let counted = self.members().counted();
        let states = [
            ("busy", counted.busy),
            ("hibernating", self.hibernating()),
            ("idle", counted.idle),
            ("upgraded", counted.upgraded),
        ];
        for (state, count) in states {
            let _ = writeln!(
                text,
                "laneway_http_connections{{state=\"{state}\"}} {count}"
            );
        }
        text
    }
}

fn leave_waker(waiting: &mut Vec<Waker>, waker: &Waker) -> Poll<()> {
    if !waiting.iter().any(|left| left.will_wake(waker)) {
        waiting.push(waker.clone());
    }
    Poll::Pending
}

impl Members {
    /// The key of a connection among the others. The table grows by an eighth: one that doubles
    /// wastes up to half of itself.
    fn insert(&mut self, watch: Arc<Watch>) -> usize {
        let count = self.watches.len();
        if count == self.watches.capacity() {
            self.watches.reserve_exact(count / 8 + 16);
        }
        self.watches.insert(watch)
    }

    fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        for (_, watch) in &self.watches {
            match watch.standing() {
                Standing::Idle => counted.idle += 1,
                Standing::Upgraded => counted.upgraded += 1,
                Standing::Busy => counted.busy += 1,
            }
        }
        counted
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.fleet.members();
        let watch = members.watches.remove(self.key);
        let waiting = std::mem::take(&mut members.wait_for_end);
        // Unlock before waking: what is woken takes this lock.
        drop(members);
        drop(watch);
        waiting.into_iter().for_each(Waker::wake);
    }
}
