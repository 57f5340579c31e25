//! A request among those that are being served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use laneway::time::now;

use super::handover::tell_of_nobody;
use super::offer::Offer;
use super::origin::Origin;
use super::panicked::Panicked;
use crate::fleet::Doing;
use crate::fleet::Route;
use crate::fleet::access_log;
use crate::fleet::{Order, Taker, Watch};
use crate::gate::Protocol;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// A request that has begun. Dropped, it is over: counted, and told to the log.
#[derive(Debug)]
pub(crate) struct Entry {
    origin: Arc<Origin>,
    request: u64,
    protocol: Protocol,
    content: Content,
    noted: Noted,
    since: Instant,
    logged: Option<Box<(Method, Uri)>>,
    route: Option<Route>,
    status: Option<StatusCode>,
}

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    None,
    Body,
}

/// The progress of a request, as the watch knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Begun,
    Answered,
}

impl Entry {
    pub(crate) fn new(origin: Arc<Origin>, request: &Request<Incoming>) -> Entry {
        let (number, since) = origin.watch.begin(request);
        let logged = access_log::is_on()
            .then(|| Box::new((request.method().clone(), request.uri().clone())));
        Entry {
            origin,
            request: number,
            protocol: match request.version() {
                Version::HTTP_2 => Protocol::Http2,
                _ => Protocol::Http1,
            },
            content: match request.body().is_end_stream() {
                true => Content::None,
                false => Content::Body,
            },
            noted: Noted::Begun,
            since,
            logged,
            route: None,
            status: None,
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.origin.watch.peer()
    }

    /// Whether the server wants its connections to end.
    pub(crate) fn is_to_end(&self) -> bool {
        self.origin.watch.order() != Order::Serve
    }

    /// The request's number, and what its body has to keep to.
    pub(crate) fn terms(&self) -> (u64, Arc<Watch>, Arc<Limits>) {
        (
            self.request,
            self.origin.watch.clone(),
            self.origin.fleet.limits().clone(),
        )
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The connection that the request came by, and its number there.
    pub(crate) fn place(&self) -> (&Arc<Watch>, u64) {
        (&self.origin.watch, self.request)
    }

    /// Notes that the service has answered. Returns the fault of the request, if there was one.
    pub(crate) fn answered(&mut self) -> Option<Refusal> {
        let watch = &self.origin.watch;
        // In HTTP/1 the answer is sent at once, more often than not: the rest of a long one is
        // noted when there is one.
        let failed = match (self.protocol, self.content) {
            (Protocol::Http1, Content::None) => None,
            _ => {
                self.noted = Noted::Answered;
                watch.answered(self.request)
            }
        };
        if self.protocol == Protocol::Http2 {
            self.note_given(Part::Given);
        }
        failed
    }

    /// Notes that hyper has got a part of the answer, or asks for one. In HTTP/1 the socket knows
    /// whether the client reads on.
    pub(crate) fn note_given(&mut self, part: Part) {
        let watch = &self.origin.watch;
        match self.protocol {
            Protocol::Http1 if self.noted == Noted::Answered => {}
            Protocol::Http1 => watch.note(self.request, Doing::Answering),
            Protocol::Http2 => {
                let given = (part == Part::Given).then(now);
                watch.note_given(self.request, given);
            }
        }
        self.noted = Noted::Answered;
    }

    /// Counts a panic of the service's, tells it to the log, and lets the connection end with the
    /// requests that have begun: what the panic has left behind is not used for others.
    pub(crate) fn panicked(&self, what: Panicked, message: &str) {
        self.origin.fleet.metrics.count_panic();
        let request = self.origin.watch.request_line(self.request);
        log::error!("{what}: {request}: {message}");
        self.origin.watch.give(Order::Finish);
    }

    /// The request, for the task that waits for its upgrade.
    pub(crate) fn offer(&self) -> Offer {
        Offer::new(self.origin.watch.clone(), self.request)
    }

    /// Notes that the service gives the connection away. hyper gets the answer later.
    pub(crate) fn agreed(&self) {
        self.origin.handover.agree();
    }

    /// Notes that hyper gets the answer that gives the connection away, or in HTTP/2 the stream.
    pub(crate) fn upgraded(&self) {
        let Origin {
            watch, handover, ..
        } = &*self.origin;
        let taker = watch.begin_upgrade(self.request);
        match self.protocol {
            Protocol::Http1 => {
                watch.free_room();
                handover.answer();
            }
            Protocol::Http2 if taker == Taker::Gone => tell_of_nobody(),
            Protocol::Http2 => {}
        }
    }

    /// Tells those that wait for an upgrade that there will be none.
    pub(crate) fn refuse_upgrade(&self) {
        self.origin.watch.refuse_upgrade(self.request);
    }

    /// Notes the status of the answer and its route, for the counts and the log.
    pub(crate) fn note_status(&mut self, status: StatusCode, route: Option<Route>) {
        self.status = Some(status);
        self.route = route;
    }
}

/// The next part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// hyper has it.
    Given,
    /// The service has it to make.
    Awaited,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = now().saturating_duration_since(self.since);
        match self.protocol {
            // Without an answer, there is nothing to be sent.
            Protocol::Http1 if self.status.is_some() => {
                self.origin.unsent.give(self.request, took);
            }
            // hyper does not tell when the last frame of one stream is sent.
            _ => self.origin.watch.end(self.request),
        }
        self.origin
            .fleet
            .metrics
            .count(self.route.as_ref(), self.status, took);
        if let Some(asked) = self.logged.as_deref() {
            access_log::tell_of_request(self.peer(), asked, self.status, took);
        }
    }
}
