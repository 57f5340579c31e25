//! Is there a warning where requests may wait for low polls, or no task takes a connection, and
//! nowhere else?

mod client;

use std::net::Shutdown;
use std::sync::Mutex;

use client::h2::{END_HEADERS, HEADERS, PREFACE, SETTINGS, connect_fields, frame};
use client::{Client, get, routes, serve_on};
use http::header::{HeaderValue, UPGRADE};
use http::{Method, Response, StatusCode};
use laneway::{Priority, Runtime, spawn_task};
use laneway_http::{Limits, upgrade};
use log::{Level, LevelFilter, Log, Metadata, Record};

/// The warnings of the server.
struct Warnings(Mutex<Vec<String>>);

static WARNINGS: Warnings = Warnings(Mutex::new(Vec::new()));

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("laneway_http") && metadata.level() == Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// One after the other, since the process has one log.
#[test]
fn what_is_wrong_is_warned_of_once() {
    log::set_logger(&WARNINGS).unwrap();
    log::set_max_level(LevelFilter::Warn);
    a_runtime_without_a_standby();
    a_connection_that_is_given_to_nobody();
}

fn a_runtime_without_a_standby() {
    let warned = |builder: laneway::Builder| {
        let server = serve_on(builder.build().unwrap(), Limits::public(), routes);
        let mut client = server.connect();
        client.send(get("/"));
        client.answer();
        server.end();
        std::mem::take(&mut *WARNINGS.0.lock().unwrap())
    };
    assert_eq!(warned(Runtime::builder()), [""; 0]);
    assert_eq!(warned(Runtime::builder().latency_first()), [""; 0]);
    let warnings = warned(Runtime::builder().with_standby(0));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("latency_first"), "{warnings:?}");
}

fn a_connection_that_is_given_to_nobody() {
    let warned = |bytes: Vec<u8>, wait: fn(&mut Client)| {
        let runtime = Runtime::builder().build().unwrap();
        let server = serve_on(runtime, Limits::public(), async |mut request| {
            let upgraded = upgrade::on(&mut request);
            match request.headers().contains_key("taken") {
                true => spawn_task!(async { drop(upgraded.await) }, Priority::High).detach(),
                false => drop(upgraded),
            }
            let mut answer = Response::new(String::new());
            if request.method() != Method::CONNECT {
                *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let name = HeaderValue::from_static("nothing");
                answer.headers_mut().insert(UPGRADE, name);
            }
            Ok(answer)
        });
        let mut client = server.connect();
        client.send(bytes);
        wait(&mut client);
        client.stream.shutdown(Shutdown::Write).unwrap();
        server.wait_until("it is over", |server| server.connections() == 0);
        server.end();
        std::mem::take(&mut *WARNINGS.0.lock().unwrap())
    };
    let http1 = |fields| {
        let upgrade = "Host: a\r\nConnection: upgrade\r\nUpgrade: nothing\r\n";
        format!("GET / HTTP/1.1\r\n{upgrade}{fields}\r\n").into_bytes()
    };
    let http2 = |fields: &[(&str, &str)]| {
        let fields = [&[(":authority", "a:1")], fields].concat();
        let request = frame(HEADERS, END_HEADERS, 1, &connect_fields(&fields));
        [PREFACE, &frame(SETTINGS, 0, 0, &[]), &request].concat()
    };
    let nobody = [
        "a service gave its connection away by its answer, and no task took it: a task \
                   has to wait for `upgrade::on` of the request",
    ];
    let head1 = |client: &mut Client| drop(client.head());
    let head2 = |client: &mut Client| drop(client.frame_of(HEADERS, 1));
    assert_eq!(warned(http1("Taken: yes\r\n"), head1), [""; 0]);
    assert_eq!(warned(http1(""), head1), nobody);
    assert_eq!(warned(http2(&[("taken", "yes")]), head2), [""; 0]);
    assert_eq!(warned(http2(&[]), head2), nobody);
}
