//! A client that sends any bytes, and a server to send them to.

// Each test uses a part of it.
#![allow(dead_code)]

pub(crate) mod h2;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use laneway::net::TcpListener;
use laneway::{Priority, Runtime, Task};
use laneway_http::{Limits, RequestBody, ServeReport, Server, ServerHandle, service_fn};
use tower_service::Service;

/// More than the buffers of a socket take.
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// No answer takes longer.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(20);

/// The tasks of a server without connections: the one that serves, and the one that accepts.
pub(crate) const OWN_TASKS: u64 = 2;

/// A server on a runtime of its own.
pub(crate) struct Served {
    pub(crate) runtime: Runtime,
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) serving: Task<ServeReport>,
}

/// Serves [`routes`].
pub(crate) fn served(limits: Limits) -> Served {
    serve_with(limits, routes)
}

pub(crate) fn serve_with<F, R>(limits: Limits, handler: F) -> Served
where
    F: FnMut(Request<RequestBody>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<String>, Infallible>> + Send + 'static,
{
    serve_on(Runtime::builder().build().unwrap(), limits, handler)
}

pub(crate) fn serve_on<F, R>(runtime: Runtime, limits: Limits, handler: F) -> Served
where
    F: FnMut(Request<RequestBody>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<String>, Infallible>> + Send + 'static,
{
    serve_service(runtime, limits, service_fn(handler))
}

pub(crate) fn serve_service<S, B>(runtime: Runtime, limits: Limits, service: S) -> Served
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    serve_server(runtime, Server::new(service).limits(limits))
}

pub(crate) fn serve_server<S, B>(runtime: Runtime, server: Server<S>) -> Served
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(listener), Priority::High);
    Served {
        runtime,
        address,
        handle,
        serving,
    }
}

/// `/echo` gives the body back, `/unread` leaves it alone, `/large` is 16 MB, `/never` no answer at
/// all, and any other path says `hello`.
pub(crate) async fn routes(request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(Response::new(match path.as_str() {
        "/echo" => match request.into_body().collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(error) => error.to_string(),
        },
        "/large" => "x".repeat(LARGE),
        "/never" => std::future::pending().await,
        _ => "hello".to_owned(),
    }))
}

impl Served {
    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_write_timeout(Some(WATCHDOG)).unwrap();
        Client { stream }
    }

    /// Ends the server.
    pub(crate) fn end(self) -> ServeReport {
        self.handle.shutdown();
        self.runtime.block_on(self.serving)
    }

    /// The tasks of its runtime.
    pub(crate) fn live_tasks(&self) -> u64 {
        let queues = self.runtime.metrics().queues;
        queues.iter().map(|queue| queue.live()).sum()
    }

    /// Waits until something holds of the server.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&ServerHandle) -> bool) {
        wait_until(what, || holds(&self.handle));
    }
}

pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WATCHDOG, "never: {what}");
        std::thread::yield_now();
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

/// What came before the server closed the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// In order.
    After(String),
    /// By a reset.
    Reset(String),
}

impl Client {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    /// Sends until the server takes no more.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads to the end of the connection.
    pub(crate) fn rest(&mut self) -> Closed {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match read {
            Ok(_) => Closed::After(text),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Closed::Reset(text),
            Err(error) => panic!("the server did not close: {error}; so far {text:?}"),
        }
    }

    /// Reads to the end of the connection, which has to come without a reset.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> String {
        match self.rest() {
            Closed::After(text) => text,
            Closed::Reset(text) => panic!("reset after {text:?}"),
        }
    }

    /// Reads the head of an answer.
    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    }

    /// Reads one answer whose head says the length of its body: its head and its body.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = head.split("content-length: ").nth(1).expect("a length");
        let length: usize = length.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (head, String::from_utf8(body).unwrap())
    }
}

/// A request without a body.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// The head of a request with a body of this length.
pub(crate) fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n")
}

/// A door that handlers wait before until a test opens it.
pub(crate) fn door() -> (Opener, Door) {
    let door = Door::default();
    (Opener(door.clone()), door)
}

#[derive(Clone, Default)]
pub(crate) struct Door(std::sync::Arc<std::sync::Mutex<State>>);

pub(crate) struct Opener(Door);

#[derive(Default)]
enum State {
    #[default]
    Shut,
    Waited(Vec<std::task::Waker>),
    Open,
}

impl Opener {
    pub(crate) fn open(&self) {
        let before = std::mem::replace(&mut *self.0.0.lock().unwrap(), State::Open);
        if let State::Waited(wakers) = before {
            wakers.into_iter().for_each(std::task::Waker::wake);
        }
    }

    /// Waits until a handler waits before the door.
    pub(crate) fn wait_for_a_handler(&self) {
        let started = Instant::now();
        while !matches!(*self.0.0.lock().unwrap(), State::Waited(_)) {
            assert!(started.elapsed() < WATCHDOG, "no handler came");
            std::thread::yield_now();
        }
    }
}

impl Door {
    pub(crate) async fn wait(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            match &mut *state {
                State::Open => return std::task::Poll::Ready(()),
                State::Waited(wakers) => wakers.push(cx.waker().clone()),
                State::Shut => *state = State::Waited(vec![cx.waker().clone()]),
            }
            std::task::Poll::Pending
        })
        .await;
    }
}
