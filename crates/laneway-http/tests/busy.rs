//! Does a connection cost nothing while it waits for a client that is gone, or half gone?
//!
//! Servers have been seen to look again and again there, on a whole core. A process of its own,
//! since what is counted is the processor time of all its threads.
#![cfg(target_os = "linux")]

mod client;

use std::convert::Infallible;
use std::fs;
use std::io::Read;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use client::{Client, Served, get, post, serve_service, served};
use http::{Request, Response};
use http_body::{Body, Frame};
use laneway::Runtime;
use laneway::time::sleep;
use laneway_http::{Limits, RequestBody, service_fn};

/// The processor time is the process's: one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// How long the processor time is counted.
const WINDOW: Duration = Duration::from_millis(500);

/// A loop would take the whole of it.
const LITTLE: Duration = Duration::from_millis(100);

/// The processor time of all threads of this process so far.
fn used() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells of threads");
    let used = threads.filter_map(|thread| {
        // A thread may have ended meanwhile.
        let times = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

#[track_caller]
fn assert_rests(server: &Served) {
    let before = used();
    server.runtime.block_on(sleep(WINDOW));
    let used = used().saturating_sub(before);
    assert!(used < LITTLE, "{used:?} of {WINDOW:?}");
}

/// A body that has given one part, and gives no other.
struct Paused(Option<Bytes>);

impl Body for Paused {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => Poll::Pending,
        }
    }
}

/// A server whose answers do not come to their end.
fn paused() -> Served {
    let handler = |_request: Request<RequestBody>| async {
        Ok(Response::new(Paused(Some(Bytes::from_static(b"first")))))
    };
    let runtime = Runtime::builder().build().unwrap();
    serve_service(runtime, Limits::public(), service_fn(handler))
}

/// Reads until the first part of an answer has come.
fn read_first_part(client: &mut Client) {
    let mut text = Vec::new();
    while !text.ends_with(b"first\r\n") {
        let mut byte = [0];
        client.stream.read_exact(&mut byte).expect("a part");
        text.push(byte[0]);
    }
}

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn hyper_1764_a_client_that_leaves_in_the_middle_of_an_answer() {
    let _alone = alone();
    let server = paused();
    let mut client = server.connect();
    client.send(get("/"));
    read_first_part(&mut client);
    drop(client);
    assert_rests(&server);
}

#[test]
fn hyper_4085_a_client_that_half_closes_in_the_middle_of_an_answer() {
    let _alone = alone();
    let server = paused();
    let mut client = server.connect();
    client.send(get("/"));
    read_first_part(&mut client);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_rests(&server);
}

#[test]
fn a_client_that_half_closes_while_its_handler_waits() {
    let _alone = alone();
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send([get("/never"), post("/echo", 5), "12".to_owned()].concat());
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_rests(&server);
}

#[test]
fn a_client_that_half_closes_in_the_middle_of_a_body_that_nobody_reads() {
    let _alone = alone();
    let server = paused();
    let mut client = server.connect();
    client.send([post("/", 1000), "some".to_owned()].concat());
    read_first_part(&mut client);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_rests(&server);
}
