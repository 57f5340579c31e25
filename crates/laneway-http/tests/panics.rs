//! Is a service that panics an answer of 500, a count and a line in the log, and no harm to others?

mod client;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, mpsc};
use std::task::{Context, Poll};

use bytes::Bytes;
use client::h2::{GOAWAY, HEADERS, RST_STREAM};
use client::{Closed, Served, WATCHDOG, door, get, h2, serve_service};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use laneway::Runtime;
use laneway_http::{Limits, RequestBody, low, service_fn};
use log::{Level, LevelFilter, Log, Metadata, Record};

/// The errors that were logged by the tests of this file.
struct Errors(Mutex<Vec<String>>);

static ERRORS: Errors = Errors(Mutex::new(Vec::new()));

impl Log for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Error
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

impl Errors {
    fn has(&self, line: &str) -> bool {
        self.0.lock().unwrap().iter().any(|has| has == line)
    }
}

/// A body that panics in place of its second part, for which it waits.
enum Parts {
    Whole,
    Begun,
    Waits,
    Broken,
    /// It panics when it is asked how long it is.
    Unmeasured,
    /// It panics when it is asked whether it is over.
    Unending,
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (poll, next) = match *self {
            Parts::Whole => (Poll::Ready(None), Parts::Whole),
            Parts::Begun => (Poll::Ready(Some("first")), Parts::Waits),
            Parts::Waits => (Poll::Pending, Parts::Broken),
            Parts::Broken => panic!("no second part"),
            Parts::Unmeasured | Parts::Unending => panic!("polled after it has panicked"),
        };
        *self = next;
        cx.waker().wake_by_ref();
        poll.map(|part| part.map(|part| Ok(Frame::data(part.into()))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Parts::Unending => panic!("no end"),
            Parts::Whole => true,
            _ => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Parts::Unmeasured => panic!("no length"),
            _ => SizeHint::default(),
        }
    }
}

/// Panics once more when it is dropped by a panic.
struct Rude;

impl Drop for Rude {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        panic!("and the destructor as well");
    }
}

async fn answer(path: String) -> Result<Response<Parts>, Infallible> {
    Ok(Response::new(match path.as_str() {
        "/future" => panic!("in the future of {path}"),
        "/payload" => std::panic::panic_any(Rude),
        "/body" => Parts::Begun,
        "/length" => Parts::Unmeasured,
        "/end" => Parts::Unending,
        _ => Parts::Whole,
    }))
}

/// Panics by the path: when it is called, in its future, or in its body.
fn serve() -> Served {
    let _ = log::set_logger(&ERRORS);
    log::set_max_level(LevelFilter::Error);
    let runtime = Runtime::builder().build().unwrap();
    let service = service_fn(|request: Request<RequestBody>| {
        let path = request.uri().path().to_owned();
        assert_ne!(path, "/call", "the call");
        answer(path)
    });
    serve_service(runtime, Limits::public(), service)
}

#[track_caller]
fn assert_counted(server: &Served, panics: u32) {
    let line = format!("\nlaneway_http_panics_total {panics}\n");
    let text = server.handle.prometheus();
    assert!(text.contains(&line), "no {line:?} in\n{text}");
}

#[test]
fn a_handler_that_panics_is_an_answer_of_500_after_which_the_connection_ends() {
    let server = serve();
    let mut other = server.connect();
    for (number, path) in (1..).zip(["/future", "/call", "/payload"]) {
        let mut client = server.connect();
        // The second request is not answered: what the panic left behind is not used again.
        client.send([get(path), get("/")].concat());
        let answer = client.closed();
        assert!(answer.starts_with("HTTP/1.1 500 "), "{path}: {answer}");
        assert!(answer.contains("connection: close"), "{path}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{path}: {answer}");
        assert_counted(&server, number);
        other.send(get("/"));
        assert!(other.answer().0.starts_with("http/1.1 200 "), "{path}");
    }
    assert!(
        ERRORS.has(
            "a service panicked, and its client gets 500: GET /future: in the future of /future"
        )
    );
    drop(other);
    server.wait_until("all are gone", |server| server.connections() == 0);
    assert!(server.end().is_clean());
}

#[test]
fn a_body_that_panics_breaks_its_answer_off() {
    let server = serve();
    let mut client = server.connect();
    client.send(get("/body"));
    let (Closed::After(answer) | Closed::Reset(answer)) = client.rest();
    assert!(answer.contains("first"), "{answer}");
    assert!(!answer.contains("\r\n0\r\n"), "it looks whole: {answer}");
    assert_counted(&server, 1);
    assert!(ERRORS.has("an answer's body panicked, and is broken off: GET /body: no second part"));
    server.wait_until("it is gone", |server| server.connections() == 0);
    assert!(server.end().is_clean());
}

#[test]
fn a_body_that_panics_in_a_question_about_itself_breaks_its_answer_off() {
    let server = serve();
    for (number, (path, message)) in (1..).zip([("/length", "no length"), ("/end", "no end")]) {
        let mut client = server.connect();
        client.send(get(path));
        let (Closed::After(answer) | Closed::Reset(answer)) = client.rest();
        assert!(!answer.contains("\r\n0\r\n"), "it looks whole: {answer}");
        assert_counted(&server, number);
        let line = format!("an answer's body panicked, and is broken off: GET {path}: {message}");
        assert!(ERRORS.has(&line));
    }
    server.wait_until("all are gone", |server| server.connections() == 0);
    assert!(server.end().is_clean());
}

#[test]
fn the_other_requests_of_a_connection_in_http2_come_to_their_end() {
    let (opener, waiting) = door();
    let runtime = Runtime::builder().build().unwrap();
    let service = service_fn(move |request: Request<RequestBody>| {
        let (waiting, path) = (waiting.clone(), request.uri().path().to_owned());
        async move {
            if path == "/waits" {
                waiting.wait().await;
            }
            answer(path).await
        }
    });
    let server = serve_service(runtime, Limits::public(), service);
    let mut waiting = [server.connect(), server.connect()];
    for client in &mut waiting {
        client.begin_h2(&[]);
        client.send(h2::get(1, "/waits"));
    }
    let panics = [("/future", HEADERS), ("/body", RST_STREAM)];
    for (client, (path, kind)) in waiting.iter_mut().zip(panics) {
        client.send(h2::get(3, path));
        // In either order.
        let mut missing = vec![(kind, 3), (GOAWAY, 0)];
        while !missing.is_empty() {
            let frame = client.frame().expect("the connection goes on");
            missing.retain(|awaited| *awaited != (frame.kind, frame.stream));
            assert!(kind != HEADERS || frame.kind != HEADERS || frame.status() == 500);
        }
    }
    assert_counted(&server, 2);
    opener.open();
    for client in &mut waiting {
        assert_eq!(client.h2_answer(1).0, 200);
    }
    assert!(server.end().is_clean());
}

#[test]
fn a_panic_behind_low_is_told_as_it_was() {
    let _ = log::set_logger(&ERRORS);
    log::set_max_level(LevelFilter::Error);
    let runtime = Runtime::builder().build().unwrap();
    let work = low(service_fn(|_request: Request<RequestBody>| async {
        answer("/future".to_owned()).await
    }));
    let server = serve_service(runtime, Limits::public(), work);
    let mut client = server.connect();
    client.send(get("/low"));
    assert!(client.closed().starts_with("HTTP/1.1 500 "));
    assert_counted(&server, 1);
    assert!(
        ERRORS
            .has("a service panicked, and its client gets 500: GET /low: in the future of /future")
    );
}

/// Tells whether it was dropped while a panic went on.
struct Witness(mpsc::Sender<bool>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(std::thread::panicking());
    }
}

/// A future and a body that are written by hand, and panic in their polls.
struct Bare {
    _witness: Witness,
}

impl Bare {
    fn new(tell: &mpsc::Sender<bool>) -> Bare {
        Bare {
            _witness: Witness(tell.clone()),
        }
    }
}

impl Future for Bare {
    type Output = Result<Response<Bare>, Infallible>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        panic!("in a future by hand");
    }
}

impl Body for Bare {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("in a body by hand");
    }
}

/// So that a guard within it poisons its lock.
#[test]
fn what_panics_is_dropped_while_the_panic_goes_on() {
    let (tell, told) = mpsc::channel();
    let assert_told = |what: &str, serve: &dyn Fn(Runtime) -> Served| {
        let server = serve(Runtime::builder().build().unwrap());
        let mut client = server.connect();
        client.send(get("/"));
        let _ = client.rest();
        assert_eq!(told.recv_timeout(WATCHDOG), Ok(true), "{what}");
        assert!(server.end().is_clean());
    };
    let future = {
        let tell = tell.clone();
        move |_request: Request<RequestBody>| Bare::new(&tell)
    };
    let of_future = service_fn(future);
    assert_told("a future", &|runtime| {
        serve_service(runtime, Limits::public(), of_future.clone())
    });
    assert_told("a future behind low", &|runtime| {
        serve_service(runtime, Limits::public(), low(of_future.clone()))
    });
    let of_body = service_fn(move |_request: Request<RequestBody>| {
        let body = Bare::new(&tell);
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    assert_told("a body", &|runtime| {
        serve_service(runtime, Limits::public(), of_body.clone())
    });
}
