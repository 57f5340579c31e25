//! One request and its answer: the service is asked, and what it says is noted.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Version, request};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answer::{Answer, Endless, Length};
use super::entry::{Content, Entry, Origin};
use super::head::is_host;
use super::limits::Limits;
use super::metrics::Route;
use super::panicked::{Panicked, caught};
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::sendable::{Asked, Form};
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
        let (mut head, body) = request.into_parts();
        let content = match body.is_end_stream() {
            true => Content::None,
            false => Content::Body,
        };
        let entry = Entry::new(self.origin.clone(), &head, content);
        let asked = Asked::new(&head.method, head.version);
        let step = match judge(&head, self.origin.fleet.limits()) {
            Some(refusal) => Step::Refused { refusal },
            None => {
                name_host_of_target(&mut head);
                let body = RequestBody::new(body, &entry);
                Step::NotReady {
                    service: self.service.clone(),
                    request: Some(Request::from_parts(head, body)),
                }
            }
        };
        Exchange {
            step,
            entry: Some(entry),
            asked,
        }
    }
}

/// The refusal of a head that hyper lets through, if something is wrong with it.
fn judge(head: &request::Parts, limits: &Limits) -> Option<Refusal> {
    let target = head.uri.path_and_query();
    let length = target.map_or(0, |target| target.as_str().len());
    // RFC 9113, section 8.3.1: CONNECT alone has no path. Here `/` would stand if it were sent.
    let lacks_path = head.uri.path().is_empty() && head.method != Method::CONNECT;
    let authority = head.uri.authority().map(Authority::as_str);
    // A user in it, say (RFC 9110, section 4.2.4).
    let is_no_host = authority.is_some_and(|authority| !is_host(authority.as_bytes()));
    if lacks_path || is_no_host || (head.version == Version::HTTP_2 && is_malformed(head)) {
        return Some(Refusal::Malformed);
    }
    if head.headers.len() > limits.head_fields {
        return Some(Refusal::HeadTooLarge);
    }
    (length > limits.target_bytes).then_some(Refusal::TargetTooLong)
}

/// Whether h2 has let through what RFC 9113 calls malformed, and another server might read in
/// another way: hosts that differ, no host at all, no scheme (section 8.3.1), or white space around
/// a value (section 8.2.1). The gate has judged the heads of HTTP/1.
fn is_malformed(head: &request::Parts) -> bool {
    let is_white = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let is_padded = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        is_white(bytes.first()) || is_white(bytes.last())
    };
    head.uri.scheme_str().is_some_and(str::is_empty)
        || !names_one_host(head.uri.authority(), &head.headers)
        || head.headers.values().any(is_padded)
}

/// Whether there is an authority, or a host, or both and they are the same.
fn names_one_host(authority: Option<&Authority>, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let Some(host) = hosts.next() else {
        return authority.is_some();
    };
    let is_same = |authority: &Authority| host.eq_ignore_ascii_case(authority.as_str().as_bytes());
    hosts.next().is_none() && is_host(host) && authority.is_none_or(is_same)
}

/// In HTTP/1 a target may be a whole URI. Then its host counts, and that of the field does not (RFC
/// 9112, section 3.2.2), so that the service finds one host alone.
fn name_host_of_target(head: &mut request::Parts) {
    let Some(authority) = head.uri.authority() else {
        return;
    };
    if head.version < Version::HTTP_2 && head.method != Method::CONNECT {
        let host = HeaderValue::from_str(authority.as_str()).expect("a URI has such characters");
        head.headers.insert(HOST, host);
    }
}

pin_project! {
    /// The answer to come.
    pub(crate) struct Exchange<S, F> {
        #[pin]
        step: Step<S, F>,
        entry: Option<Entry>,
        asked: Asked,
    }
}

pin_project! {
    #[project = StepProjected]
    enum Step<S, F> {
        NotReady { service: S, request: Option<Request<RequestBody>> },
        Called { #[pin] future: F },
        Refused { refusal: Refusal },
        // It has panicked.
        Over,
    }
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
        let prepared = refused(outcome, failed).and_then(|answer| prepared(answer, *this.asked));
        let mut answer = answer(prepared, entry);
        // Until now hyper may not have known that there is to be an end.
        let is_refused = matches!(*this.step, Step::Refused { .. });
        let is_last = is_refused || failed.is_some() || order != Order::Serve;
        if is_last && this.asked.version() < Version::HTTP_2 {
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
    fn poll_answer(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<B>, StatusCode>> {
        loop {
            match self.as_mut().project() {
                StepProjected::NotReady { service, request } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        return Poll::Ready(Err(failed(error)));
                    }
                    let request = request.take().expect("the service is called once");
                    let future = service.call(request);
                    self.set(Step::Called { future });
                }
                StepProjected::Called { future } => return future.poll(cx).map_err(failed),
                StepProjected::Refused { refusal } => return Poll::Ready(Err(refusal.status())),
                StepProjected::Over => unreachable!("there is one answer"),
            }
        }
    }
}

/// The server's answer, where it has one, unless the service says the same in words of its own.
fn refused<B>(
    outcome: Result<Response<B>, StatusCode>,
    failed: Option<Refusal>,
) -> Result<Response<B>, StatusCode> {
    let Some(status) = failed.map(Refusal::status) else {
        return outcome;
    };
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

/// The answer, if it can be sent, and its form.
fn prepared<B: Body>(
    mut answer: Response<B>,
    asked: Asked,
) -> Result<(Response<B>, Form), StatusCode> {
    match asked.prepare(&mut answer) {
        Ok(form) => Ok((answer, form)),
        Err(reason) => {
            let (given, status) = (answer.status(), reason.status());
            log::error!(
                "the answer {given} of a service cannot be sent, {reason}: its client gets {status}"
            );
            Err(status)
        }
    }
}

fn answer<B>(
    outcome: Result<(Response<B>, Form), StatusCode>,
    mut entry: Entry,
) -> Response<Answer<B>> {
    match outcome {
        Ok((answer, form)) => {
            let route = answer.extensions().get::<Route>().cloned();
            entry.note_status(answer.status(), route);
            let length = match answer.extensions().get::<Endless>() {
                Some(Endless) => Length::Endless,
                None => Length::Finite,
            };
            answer.map(|body| match form {
                Form::Whole => Answer::new(body, entry, length),
                Form::HeadAlone => Answer::empty(entry),
            })
        }
        Err(status) => {
            entry.note_status(status, None);
            let mut answer = Response::new(Answer::empty(entry));
            *answer.status_mut() = status;
            answer
        }
    }
}
