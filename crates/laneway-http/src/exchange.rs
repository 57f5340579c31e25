//! One request and its answer: the service is asked, and what it says is noted.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use http::header::{CONNECTION, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answer::{Answer, Endless, Length};
use super::entry::{Entry, Origin};
use super::limits::Limits;
use super::metrics::Route;
use super::panicked::{Panicked, caught};
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::watch::Order;

/// The service of one connection, as hyper calls it.
pub(crate) struct Dispatch<S> {
    pub(crate) service: S,
    pub(crate) origin: Arc<Origin>,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Dispatch<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Exchange<S, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Exchange<S, S::Future> {
        // Filled where it lies, as is the request: both are large, and each move is a copy.
        let mut exchange = Exchange {
            step: Step::Over,
            version: request.version(),
            entry: Some(Entry::new(self.origin.clone(), &request)),
        };
        match judge(&request, self.origin.fleet.limits()) {
            Some(refusal) => exchange.refuse(refusal.status()),
            None => exchange.ask(&self.service, request),
        }
        exchange
    }
}

impl<S, B> Exchange<S, S::Future>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Calls the service if it is ready. In HTTP/2 it is called by the task of the stream.
    fn ask(&mut self, service: &S, request: Request<Incoming>) {
        let entry = self.entry.as_ref().expect("there is no answer yet");
        let is_here = self.version < Version::HTTP_2;
        let mut request = Some(request.map(|body| RequestBody::new(body, entry)));
        let outcome = caught(|| {
            let mut service = service.clone();
            // Where it is not, it is asked again with the waker of the task that waits.
            let mut cx = Context::from_waker(Waker::noop());
            match is_here.then(|| service.poll_ready(&mut cx)) {
                Some(Poll::Ready(Ok(()))) => {
                    let request = request.take().expect("it is there");
                    self.step = Step::Called {
                        future: service.call(request),
                    };
                }
                Some(Poll::Ready(Err(error))) => {
                    let status = failed(error);
                    self.step = Step::Refused { status };
                }
                Some(Poll::Pending) | None => {
                    let request = request.take();
                    let waiting = Box::new(Waiting { service, request });
                    self.step = Step::NotReady { waiting };
                }
            }
        });
        if let Err(message) = outcome {
            entry.panicked(Panicked::Service, &message);
            self.refuse(StatusCode::INTERNAL_SERVER_ERROR);
        }
    }

    fn refuse(&mut self, status: StatusCode) {
        self.step = Step::Refused { status };
    }
}

/// What is wrong with a head that hyper lets through.
fn judge<B>(request: &Request<B>, limits: &Limits) -> Option<Refusal> {
    let target = request.uri().path_and_query();
    let length = target.map_or(0, |target| target.as_str().len());
    // RFC 9113, section 8.3.1: CONNECT alone has no path. Here `/` would stand if it were sent.
    let lacks_path = request.uri().path().is_empty() && *request.method() != Method::CONNECT;
    if lacks_path || names_two_hosts(request) {
        return Some(Refusal::Malformed);
    }
    (length > limits.target_bytes).then_some(Refusal::TargetTooLong)
}

/// Whether a request over HTTP/2 has a host besides its authority, and another one. In HTTP/1 the
/// target goes first (RFC 9112, section 3.2.2).
fn names_two_hosts<B>(request: &Request<B>) -> bool {
    if request.version() != Version::HTTP_2 {
        return false;
    }
    match (request.uri().authority(), request.headers().get(HOST)) {
        (Some(authority), Some(host)) => {
            let authority = authority.as_str().as_bytes();
            !host.as_bytes().eq_ignore_ascii_case(authority)
        }
        _ => false,
    }
}

pin_project! {
    /// The answer to come.
    pub(crate) struct Exchange<S, F> {
        #[pin]
        step: Step<S, F>,
        entry: Option<Entry>,
        version: Version,
    }
}

pin_project! {
    #[project = StepProjected]
    enum Step<S, F> {
        // In a box, since the answer to come is moved, and is the smaller for it.
        NotReady { waiting: Box<Waiting<S>> },
        Called { #[pin] future: F },
        // The server answers.
        Refused { status: StatusCode },
        // It has panicked.
        Over,
    }
}

/// A request that waits until the service is ready.
struct Waiting<S> {
    service: S,
    request: Option<Request<RequestBody>>,
}

impl<S, B> Future for Exchange<S, S::Future>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body,
{
    type Output = Result<Response<Answer<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Written from within: what a caught call gives is moved twice.
        let mut polled = Poll::Pending;
        let outcome = match caught(|| polled = this.step.as_mut().poll_answer(cx)) {
            Ok(()) => ready!(polled),
            Err(message) => {
                let entry = this.entry.as_ref().expect("there is one answer");
                entry.panicked(Panicked::Service, &message);
                // What is left of it is dropped here, where a second panic is caught.
                let _ = caught(|| this.step.set(Step::Over));
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        let mut entry = this.entry.take().expect("there is one answer");
        let (failed, order) = entry.answered();
        let outcome = match failed {
            None => outcome,
            Some(refusal) => refused(outcome, refusal),
        };
        let mut answer = answer(outcome, entry);
        // Until now hyper may not have known that there is to be an end.
        let is_last = failed.is_some() || order != Order::Serve;
        if is_last && *this.version < Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(answer))
    }
}

impl<S, B> Step<S, S::Future>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Asks the service, or says why it is not asked.
    #[inline]
    fn poll_answer(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<B>, StatusCode>> {
        loop {
            match self.as_mut().project() {
                StepProjected::NotReady { waiting } => {
                    if let Err(error) = ready!(waiting.service.poll_ready(cx)) {
                        return Poll::Ready(Err(failed(error)));
                    }
                    let request = waiting.request.take();
                    let request = request.expect("the service is called once");
                    let future = waiting.service.call(request);
                    self.set(Step::Called { future });
                }
                StepProjected::Called { future } => return future.poll(cx).map_err(failed),
                StepProjected::Refused { status } => return Poll::Ready(Err(*status)),
                StepProjected::Over => unreachable!("there is one answer"),
            }
        }
    }
}

/// The server's answer, where it has one, unless the service says the same in words of its own.
fn refused<B>(
    outcome: Result<Response<B>, StatusCode>,
    refusal: Refusal,
) -> Result<Response<B>, StatusCode> {
    let status = refusal.status();
    outcome
        .ok()
        .filter(|answer| answer.status() == status)
        .ok_or(status)
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> StatusCode {
    log::error!(
        "a service failed, and its client gets 500: {}",
        error.into()
    );
    StatusCode::INTERNAL_SERVER_ERROR
}

#[inline]
fn answer<B>(outcome: Result<Response<B>, StatusCode>, mut entry: Entry) -> Response<Answer<B>> {
    match outcome {
        Ok(answer) => {
            let route = answer.extensions().get::<Route>().cloned();
            entry.answer(answer.status(), route);
            let length = match answer.extensions().get::<Endless>() {
                Some(Endless) => Length::Endless,
                None => Length::Finite,
            };
            answer.map(|body| Answer::new(body, entry, length))
        }
        Err(status) => {
            entry.answer(status, None);
            let mut answer = Response::new(Answer::empty(entry));
            *answer.status_mut() = status;
            answer
        }
    }
}
