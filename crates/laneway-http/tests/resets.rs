//! Is nothing left of a client that is gone after any byte, whether it closes or resets?

mod client;

use std::net::Shutdown;
use std::time::Duration;

use client::h2::{METHOD_POST, PREFACE};
use client::{Served, get, h2, post, served};
use laneway::net::TcpStream;
use laneway_http::Limits;

/// How a client goes.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    InOrder,
    ByReset,
}

/// Connects, sends this and leaves.
fn visit(server: &Served, bytes: &[u8], leaves: Leaves) {
    let mut client = server.connect();
    client.send(bytes);
    if let Leaves::ByReset = leaves {
        let taken_over = async { TcpStream::try_from(client.stream).unwrap() };
        let stream = server.runtime.block_on(taken_over);
        // What is closed without a time to linger is reset.
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Every beginning of a stream, and each way to leave after it.
fn assert_nothing_is_left(stream: &[u8]) {
    let server = served(Limits::public());
    for leaves in [Leaves::InOrder, Leaves::ByReset] {
        for end in 0..=stream.len() {
            visit(&server, &stream[..end], leaves);
        }
    }
    server.wait_until("all are gone", |server| server.connections() == 0);
    client::wait_until("no task is left", || {
        server.live_tasks() == client::OWN_TASKS
    });
    assert!(server.end().is_clean());
}

#[test]
fn of_a_request_with_a_body() {
    assert_nothing_is_left(&[&post("/echo", 5), "12345"].concat().into_bytes());
}

#[test]
fn of_a_chunked_body_and_the_next_request() {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n";
    assert_nothing_is_left(&[chunked, &get("/")].concat().into_bytes());
}

#[test]
fn of_a_large_answer() {
    assert_nothing_is_left(get("/large").as_bytes());
}

/// A service that says nothing learns it as well: a client that has closed its direction may still
/// want the answer, one that has reset the connection does not.
#[test]
fn of_a_request_whose_handler_waits() {
    let server = served(Limits::public());
    let mut stays = server.connect();
    stays.send(get("/never"));
    stays.stream.shutdown(Shutdown::Write).unwrap();
    for stream in [
        get("/never"),
        get("/never") + &get("/"),
        get("/") + &get("/never"),
    ] {
        visit(&server, stream.as_bytes(), Leaves::ByReset);
    }
    server.wait_until("all but one are gone", |server| server.connections() == 1);
    drop(stays);
    // The half that was closed and is reset now.
    drop(server);
}

#[test]
fn of_streams_in_http2() {
    let fields = h2::fields(METHOD_POST, "/echo");
    let stream = [
        PREFACE,
        &h2::frame(h2::SETTINGS, 0, 0, &[]),
        &h2::frame(h2::HEADERS, h2::END_HEADERS, 1, &fields),
        &h2::get(3, "/never"),
        &h2::frame(h2::DATA, h2::END_STREAM, 1, b"12345"),
    ];
    assert_nothing_is_left(&stream.concat());
}
