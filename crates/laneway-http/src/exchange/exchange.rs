//! One request and its answer: the service is asked, and what it says is noted.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::answer::{Answer, Endless, Length};
use super::entry::Entry;
use super::offer::Offered;
use super::offer::connect_protocol;
use super::origin::Origin;
use super::panicked::{Panicked, caught};
use super::request_body::{RequestBody, Terms};
use super::sendable::{Asked, Form};
use super::serves::Serves;
use crate::fleet::Route;
use crate::gate::Protocol;
use crate::gate::is_host;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// The service of one connection, as hyper calls it.
pub(crate) struct Dispatch<S> {
    pub(crate) service: S,
    pub(crate) origin: Arc<Origin>,
}

impl<S: Serves> hyper::service::Service<Request<Incoming>> for Dispatch<S> {
    type Response = Response<Answer<S::Body>>;
    type Error = Infallible;
    type Future = Exchange<S, S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Exchange<S, S::Future> {
        let entry = Entry::new(self.origin.clone(), &request);
        let offered = Offered::to(&mut request, || entry.offer());
        let asked = Asked::new(request.method(), request.version(), offered);
        if let Some(refusal) = judge(&request, self.origin.fleet.limits()) {
            return Exchange {
                step: Step::Refused { refusal },
                entry: Some(entry),
                asked,
            };
        }
        name_host_of_target(&mut request);
        let (peer, terms) = (entry.peer(), Terms::of(request.body(), &entry));
        let service = self.service.clone();
        // Nothing is called from here on, so that the request is moved once.
        let request = Some(request.map(|body| RequestBody::new(body, peer, terms)));
        Exchange {
            step: Step::NotReady { service, request },
            entry: Some(entry),
            asked,
        }
    }
}

/// The refusal of a head that hyper lets through, if something is wrong with it.
fn judge<B>(request: &Request<B>, limits: &Limits) -> Option<Refusal> {
    let target = request.uri().path_and_query();
    let length = target.map_or(0, |target| target.as_str().len());
    let authority = request.uri().authority();
    if !is_target(request)
        || authority.is_some_and(is_no_host)
        || (request.version() == Version::HTTP_2 && is_malformed(request))
    {
        return Some(Refusal::Malformed);
    }
    if request.headers().len() > limits.head_fields {
        return Some(Refusal::HeadTooLarge);
    }
    (length > limits.target_bytes).then_some(Refusal::TargetTooLong)
}

/// Whether a request of this method may have this target (RFC 9112, section 3.2): a path, `*` of
/// the server as a whole, or the host and port of a tunnel. A scheme begins with a letter (RFC
/// 3986, section 3.1). In HTTP/2 the same rules make the target (RFC 9113, section 8.3.1), but a
/// `CONNECT` that names a protocol has a path (RFC 8441, section 4).
fn is_target<B>(request: &Request<B>) -> bool {
    let (method, target) = (request.method(), request.uri());
    let begins_with_letter = |scheme: &str| scheme.starts_with(|first: char| first.is_alphabetic());
    if !target.scheme_str().is_none_or(begins_with_letter) {
        return false;
    }
    match target.path() {
        _ if method == Method::CONNECT && connect_protocol(request).is_none() => {
            is_of_tunnel(target)
        }
        "*" => method == Method::OPTIONS,
        path => path.starts_with('/'),
    }
}

/// Whether there are a host and a port, and nothing else (RFC 9110, section 9.3.6).
fn is_of_tunnel(target: &Uri) -> bool {
    let port = target.authority().and_then(Authority::port_u16);
    port.is_some_and(|port| port > 0) && target.scheme().is_none() && target.path().is_empty()
}

/// Whether an authority names no host: it is empty (RFC 9110, section 4.2.1), or there is a user in
/// it (section 4.2.4), say.
fn is_no_host(authority: &Authority) -> bool {
    authority.host().is_empty() || !is_host(authority.as_str().as_bytes())
}

/// Whether h2 has let through what RFC 9113 calls malformed, and another server might read in
/// another way: hosts that differ, no host at all (section 8.3.1), or white space around a value
/// (section 8.2.1). The same length twice is refused as in HTTP/1 (RFC 9110, section 8.6, leaves
/// that to the server). The gate has judged the heads of HTTP/1.
fn is_malformed<B>(request: &Request<B>) -> bool {
    let is_white = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let is_padded = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        is_white(bytes.first()) || is_white(bytes.last())
    };
    let lengths = request.headers().get_all(CONTENT_LENGTH);
    !names_one_host(request.uri().authority(), request.headers())
        || lengths.iter().nth(1).is_some()
        || request.headers().values().any(is_padded)
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
fn name_host_of_target<B>(request: &mut Request<B>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    if request.version() < Version::HTTP_2 && request.method() != Method::CONNECT {
        let host = HeaderValue::from_str(authority.as_str()).expect("a URI has such characters");
        request.headers_mut().insert(HOST, host);
    }
}

pin_project! {
    /// The answer to come.
    pub(crate) struct Exchange<S, F> {
        #[pin]
        step: Step<S, F>,
        // None once it has answered.
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
        // The service gives the connection away, and hyper is told so.
        Agreed { answer: Option<Box<Response<()>>> },
        // It has panicked.
        Over,
    }
}

/// A step in the middle of its poll. If that panics, what the service has made is dropped while the
/// panic goes on, as a local variable would be: a guard in it then poisons its lock.
struct OverIfItPanics<'e, S, F>(Pin<&'e mut Step<S, F>>);

impl<S, F> Drop for OverIfItPanics<'_, S, F> {
    fn drop(&mut self) {
        // A second panic is caught.
        let _ = caught(|| self.0.set(Step::Over));
    }
}

/// The reason for an answer, or the answer itself.
enum Given<B> {
    /// The service's answer.
    Answer(Response<B>),
    /// The service has failed or panicked.
    Failure,
    /// The service was not asked.
    Refusal(Refusal),
    /// The service's answer that gives the connection away, at the second time.
    Upgrade(Box<Response<()>>),
}

impl<S: Serves> Future for Exchange<S, S::Future> {
    type Output = Result<Response<Answer<S::Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entry = this.entry.as_ref().expect(ENTERED);
        // Written from within: what a caught call gives is moved twice.
        let mut given = Poll::Pending;
        let polled = caught(|| {
            let mut polled = OverIfItPanics(this.step.as_mut());
            polled.0.as_mut().poll_answer(cx, &mut given);
            std::mem::forget(polled);
        });
        if let Err(message) = polled {
            entry.panicked(Panicked::Service, &message);
            given = Poll::Ready(Given::Failure);
        }
        match given {
            Poll::Ready(Given::Answer(answer))
                if this.asked.is_given_away_by(&answer) && !is_to_end(this.entry) =>
            {
                let (answer, entry) = (without_body(answer), this.entry.as_ref().expect(ENTERED));
                if entry.protocol() == Protocol::Http2 {
                    return Poll::Ready(Ok(upgraded(answer, *this.asked, this.entry)));
                }
                entry.agreed();
                let answer = Some(answer);
                this.step.set(Step::Agreed { answer });
                Poll::Pending
            }
            Poll::Ready(Given::Upgrade(answer)) => {
                Poll::Ready(Ok(upgraded(answer, *this.asked, this.entry)))
            }
            Poll::Ready(Given::Answer(answer)) => {
                Poll::Ready(Ok(passed(answer, *this.asked, this.entry)))
            }
            Poll::Ready(Given::Failure) => Poll::Ready(Ok(own(None, *this.asked, this.entry))),
            Poll::Ready(Given::Refusal(refusal)) => {
                Poll::Ready(Ok(own(Some(refusal), *this.asked, this.entry)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Serves> Step<S, S::Future> {
    /// Calls the service, once it is ready.
    fn poll_call(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let StepProjected::NotReady { service, request } = self.as_mut().project() else {
            return Poll::Ready(Ok(()));
        };
        ready!(service.poll_ready(cx))?;
        let request = request.take().expect("the service is called once");
        let future = service.call(request);
        self.set(Step::Called { future });
        Poll::Ready(Ok(()))
    }

    /// Asks the service, or says why it is not asked.
    fn poll_answer(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        given: &mut Poll<Given<S::Body>>,
    ) {
        match self.as_mut().poll_call(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return *given = Poll::Ready(failed(error)),
            Poll::Pending => return,
        }
        match self.project() {
            StepProjected::Called { future } => match future.poll(cx) {
                Poll::Ready(Ok(answer)) => *given = Poll::Ready(Given::Answer(answer)),
                Poll::Ready(Err(error)) => *given = Poll::Ready(failed(error)),
                Poll::Pending => {}
            },
            StepProjected::Refused { refusal } => *given = Poll::Ready(Given::Refusal(*refusal)),
            StepProjected::Agreed { answer } => {
                let answer = answer.take().expect("there is one answer");
                *given = Poll::Ready(Given::Upgrade(answer));
            }
            _ => unreachable!("there is one answer"),
        }
    }
}

const ENTERED: &str = "a request that has no answer has its entry";

fn failed<B>(error: impl Into<Box<dyn Error + Send + Sync>>) -> Given<B> {
    log::error!(
        "a service failed, and its client gets 500: {}",
        error.into()
    );
    Given::Failure
}

fn is_to_end(entry: &Option<Entry>) -> bool {
    entry.as_ref().expect(ENTERED).is_to_end()
}

/// The head of an answer.
fn without_body<B>(answer: Response<B>) -> Box<Response<()>> {
    let (head, body) = answer.into_parts();
    // A panic of the service's.
    let _ = caught(|| drop(body));
    Box::new(Response::from_parts(head, ()))
}

/// An answer that gives the connection away, as hyper gets it.
fn upgraded<B>(
    mut answer: Box<Response<()>>,
    asked: Asked,
    entry: &mut Option<Entry>,
) -> Response<Answer<B>> {
    let mut entry = entry.take().expect(ENTERED);
    asked.prepare_upgrade(&mut answer);
    let route = answer.extensions().get::<Route>().cloned();
    entry.note_status(answer.status(), route);
    entry.upgraded();
    answer.map(|()| Answer::empty(entry))
}

/// The service's answer as hyper gets it, or one of the server's in its place.
fn passed<B: Body>(
    mut answer: Response<B>,
    asked: Asked,
    entry: &mut Option<Entry>,
) -> Response<Answer<B>> {
    let mut entry = entry.take().expect(ENTERED);
    let refusal = entry.answered();
    let form = match form_of(&mut answer, asked, refusal) {
        Ok(form) => form,
        Err(status) => return replaced(status, refusal, asked, entry),
    };
    let ends = ended(&mut answer, refusal, asked, &mut entry);
    // Last, so that the answer is moved once.
    match form {
        Form::Whole(length) => {
            let length = ends.map_or(length, |Endless| Length::Endless);
            answer.map(|body| Answer::new(body, entry, length))
        }
        Form::HeadAlone => answer.map(|_| Answer::empty(entry)),
    }
}

/// The form of a service's answer, or the status of the server's: where the server has an answer,
/// unless the service says the same in words of its own, or where the service's cannot be sent.
fn form_of<B: Body>(
    answer: &mut Response<B>,
    asked: Asked,
    refusal: Option<Refusal>,
) -> Result<Form, StatusCode> {
    let own = refusal.map(Refusal::status);
    if let Some(status) = own.filter(|status| *status != answer.status()) {
        return Err(status);
    }
    if asked.is_given_away_by(answer) {
        // The server is about to end.
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    asked.prepare(answer).map_err(|reason| {
        let (given, status) = (answer.status(), reason.status());
        log::error!(
            "the answer {given} of a service cannot be sent, {reason}: its client gets {status}"
        );
        status
    })
}

/// An answer of the server's where there is none of the service's.
fn own<B>(
    refusal: Option<Refusal>,
    asked: Asked,
    entry: &mut Option<Entry>,
) -> Response<Answer<B>> {
    let mut entry = entry.take().expect(ENTERED);
    let refusal = entry.answered().or(refusal);
    let status = refusal.map_or(StatusCode::INTERNAL_SERVER_ERROR, Refusal::status);
    replaced(status, refusal, asked, entry)
}

fn replaced<B>(
    status: StatusCode,
    refusal: Option<Refusal>,
    asked: Asked,
    mut entry: Entry,
) -> Response<Answer<B>> {
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    ended(&mut answer, refusal, asked, &mut entry);
    answer.map(|()| Answer::empty(entry))
}

/// Notes the answer, and lets it end the connection, if it is the last. Whether it is endless.
fn ended<T>(
    answer: &mut Response<T>,
    refusal: Option<Refusal>,
    asked: Asked,
    entry: &mut Entry,
) -> Option<Endless> {
    // Until now hyper may not have known that there is to be an end.
    // A client whose tunnel is refused may have sent already what belongs into it.
    let is_last = refusal.is_some() || entry.is_to_end() || asked.is_connect();
    if asked.is_offered() {
        entry.refuse_upgrade();
    }
    if is_last && entry.protocol() == Protocol::Http1 {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
        asked.end_with(answer);
    }
    let extensions = answer.extensions();
    entry.note_status(answer.status(), extensions.get::<Route>().cloned());
    extensions.get::<Endless>().copied()
}
