//! The service that answers with the page and the stream.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use laneway::{Handle, Runtime};
use tower_service::Service;

use super::access::Access;
use super::body::InspectBody;
use super::hub::{Hub, MOST};
use super::page::page;
use crate::exchange::Endless;
use crate::exchange::RequestBody;

/// The page that shows a runtime live: queues that fill and drain, what each worker polls, how
/// long tasks wait, long polls, and the tasks that take most time. A browser is all it needs.
///
/// It is a service that a [`Server`](crate::Server) takes as it is, with the page at `/`; or
/// [`mount`](Inspect::mount) puts the page beside a service that there is.
///
/// # Who may look
///
/// Browsers on the same machine, by the peer's address, and only under a name of the machine's own
/// in the address bar, so that no other site can lead a browser here. All others get 403 with a
/// sentence that says why. [`allow_remote`](Inspect::allow_remote) lets in those that know a token.
///
/// A request that came through a proxy is refused as well, since the proxy's clients may be on any
/// machine: the proxy shows by its fields (`Forwarded`, `Via`, `X-Forwarded-For` and the like) or
/// by HTTP/1.0. One that adds no field, speaks HTTP/1.1 and keeps to the machine's own name does
/// not show. Such a proxy on the same machine must not pass the page's path on.
///
/// # Cost
///
/// While no browser looks, nothing is recorded and no task runs. While one does, the runtime is
/// recorded as by a [`Recorder`](laneway::observe::Recorder) of some 16,000 events a thread, and 20
/// times a second what is new is sent, at most 100,000 events a second and the same ones to all
/// viewers, of which there may be 256. Events beyond that are counted and shown as missed. A
/// browser that reads too slowly misses batches; one that is gone is noticed when a batch cannot be
/// sent.
///
/// ```
/// use laneway::net::TcpListener;
/// use laneway::{Priority, Runtime};
/// use laneway_http::{Server, inspect};
/// use std::io::{Read, Write};
///
/// let rt = Runtime::builder().build()?;
/// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
/// let address = listener.local_addr()?;
/// let server = Server::new(inspect(&rt));
/// let handle = server.handle();
/// let serving = rt.spawn(server.serve(listener), Priority::High);
/// // Now http://localhost with the port of `address` shows the runtime.
///
/// let mut client = std::net::TcpStream::connect(address)?;
/// client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
/// let mut page = String::new();
/// client.read_to_string(&mut page)?;
/// assert!(page.starts_with("HTTP/1.1 200 OK"));
/// assert!(page.contains("<title>Laneway live</title>"));
/// handle.shutdown();
/// rt.block_on(serving);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Inspect {
    hub: Arc<Hub>,
    access: Access,
    prefix: Arc<str>,
}

/// The answer of an [`Inspect`], which is there at once.
pub type InspectFuture = Ready<Result<Response<InspectBody>, Infallible>>;

/// A service that shows this runtime live. [`Inspect`] has an example.
#[must_use]
pub fn inspect(runtime: &Runtime) -> Inspect {
    Inspect::of(runtime.handle())
}

/// The fewest characters of a token.
const LEAST_TOKEN: usize = 16;

/// The page loads nothing from elsewhere, and no other site may show it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

impl Inspect {
    /// A service that shows the runtime of this handle live.
    ///
    /// ```
    /// use laneway::Runtime;
    /// use laneway_http::Inspect;
    ///
    /// let rt = Runtime::builder().build()?;
    /// assert_eq!(Inspect::of(rt.handle()).viewers(), 0);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn of(runtime: Handle) -> Inspect {
        Inspect {
            hub: Arc::new(Hub::new(runtime)),
            access: Access::Loopback,
            prefix: "".into(),
        }
    }

    /// Lets in clients of other machines that know this token: as `?token=...` in the page's
    /// address, or in the header `Authorization: Bearer ...`. The connection should be encrypted
    /// then: a program that can read it knows the token.
    ///
    /// # Panics
    ///
    /// If the token has fewer than 16 characters, or others than letters, digits, `-`, `_`, `.` and
    /// `~`, which an address holds as they are.
    ///
    /// ```
    /// use laneway::net::TcpListener;
    /// use laneway::{Priority, Runtime};
    /// use laneway_http::{Server, inspect};
    /// use std::io::{Read, Write};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let token = std::env::var("INSPECT_TOKEN").unwrap_or_else(|_| "a-long-secret-of-ours".into());
    /// let live = inspect(&rt).allow_remote(&*token);
    /// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
    /// let address = listener.local_addr()?;
    /// rt.spawn(Server::new(live).serve(listener), Priority::High).detach();
    ///
    /// // As a client that calls the server by the name under which other machines know it.
    /// let ask = |token: &str| {
    ///     let mut client = std::net::TcpStream::connect(address)?;
    ///     let head = "Host: server.example\r\nConnection: close";
    ///     write!(client, "GET /?token={token} HTTP/1.1\r\n{head}\r\n\r\n")?;
    ///     std::io::read_to_string(client)
    /// };
    /// assert!(ask(&token)?.starts_with("HTTP/1.1 200"));
    /// assert!(ask("a-guess-at-the-secret")?.starts_with("HTTP/1.1 403"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn allow_remote(mut self, token: impl Into<String>) -> Inspect {
        let token = token.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        assert!(
            token.len() >= LEAST_TOKEN && token.bytes().all(is_plain),
            "a token has at least {LEAST_TOKEN} characters: letters, digits, '-', '_', '.' and '~'"
        );
        self.access = Access::Token(token);
        self
    }

    /// How many browsers look at the moment.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.hub.viewers()
    }

    pub(super) fn set_prefix(&mut self, prefix: &str) {
        self.prefix = prefix.into();
    }

    /// The part of a path below the prefix, if the prefix is there.
    pub(super) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&*self.prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    fn answer(&self, head: &request::Parts, body: &RequestBody) -> Response<InspectBody> {
        if let Err(denied) = self.access.judge(body.peer().ip(), head) {
            return said(StatusCode::FORBIDDEN, &denied.to_string());
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let mut answer = said(StatusCode::METHOD_NOT_ALLOWED, "This page is to be read.");
            set(answer.headers_mut(), header::ALLOW, "GET, HEAD");
            return answer;
        }
        match self.below(head.uri.path()) {
            Some("/") => whole(PAGE.clone()),
            Some("/events") if head.method == Method::HEAD => stream(InspectBody::whole("")),
            Some("/events") => match self.hub.join() {
                Some(seat) => stream(InspectBody::events(seat)),
                None => said(StatusCode::SERVICE_UNAVAILABLE, &crowded()),
            },
            Some("") => self.moved(head.uri.query()),
            _ => said(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    }

    /// Leads from the prefix to the page, whose own addresses are relative to the slash.
    fn moved(&self, query: Option<&str>) -> Response<InspectBody> {
        let mut answer = said(
            StatusCode::PERMANENT_REDIRECT,
            "The page is below the slash.",
        );
        let last = self.prefix.rsplit('/').next().unwrap_or_default();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let target = HeaderValue::try_from(format!("{last}/{query}"));
        if let Ok(target) = target {
            answer.headers_mut().insert(header::LOCATION, target);
        }
        answer
    }
}

/// The page, put together once.
static PAGE: LazyLock<Bytes> = LazyLock::new(|| page().into());

fn crowded() -> String {
    format!("{MOST} viewers look already. Close one of their pages and try again.")
}

fn whole(page: Bytes) -> Response<InspectBody> {
    let mut answer = Response::new(InspectBody::whole(page));
    let headers = answer.headers_mut();
    set(headers, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(headers, header::CONTENT_SECURITY_POLICY, POLICY);
    guarded(answer)
}

fn stream(body: InspectBody) -> Response<InspectBody> {
    let mut answer = Response::new(body);
    set(
        answer.headers_mut(),
        header::CONTENT_TYPE,
        "text/event-stream",
    );
    answer.extensions_mut().insert(Endless);
    guarded(answer)
}

fn said(status: StatusCode, sentence: &str) -> Response<InspectBody> {
    let mut answer = Response::new(InspectBody::whole(format!("{sentence}\n")));
    *answer.status_mut() = status;
    set(
        answer.headers_mut(),
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    guarded(answer)
}

/// Keeps an answer from other sites, from caches, and its address from the pages that it links to.
fn guarded(mut answer: Response<InspectBody>) -> Response<InspectBody> {
    let headers = answer.headers_mut();
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    let own = HeaderName::from_static("cross-origin-resource-policy");
    set(headers, own, "same-origin");
    answer
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

impl Service<Request<RequestBody>> for Inspect {
    type Response = Response<InspectBody>;
    type Error = Infallible;
    type Future = InspectFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> InspectFuture {
        let (head, body) = request.into_parts();
        ready(Ok(self.answer(&head, &body)))
    }
}

impl fmt::Debug for Inspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspect")
            .field("prefix", &self.prefix)
            .field("viewers", &self.viewers())
            .finish_non_exhaustive()
    }
}
