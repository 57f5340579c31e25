//! Does a stream of HTTP/2 go to the task that takes its upgrade, beside the other requests of its
//! connection; and do refusals, resets, full windows and shutdowns leave nothing behind?

mod access_log;
mod client;

use std::convert::Infallible;
use std::io::IoSlice;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use access_log::LINES;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::Role;
use client::h2::{
    ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, connect, connect_fields, frame, get,
};
use client::{Client, OWN_TASKS, Served, wait_until};
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use http::header::CONTENT_LENGTH;
use http::{Extensions, Request, Response, StatusCode};
use laneway::{Handle, Priority, Runtime, Stealing, spawn_task};
use laneway_http::upgrade::{self, Upgraded};
use laneway_http::{Doing, Limits, RequestBody, Server, low, service_fn};

/// The words of the tasks that wait for upgrades.
type Told = Receiver<String>;

/// No task is silent for longer.
const WATCHDOG: Duration = Duration::from_secs(20);

/// More bytes than a window has, and hyper keeps beside it.
const MANY: usize = 200_000;

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;

/// The setting that offers `CONNECT` with a protocol.
const ENABLE_CONNECT_PROTOCOL: [u8; 6] = [0, 8, 0, 0, 0, 1];

#[track_caller]
fn heard(told: &Told) -> String {
    told.recv_timeout(WATCHDOG).expect("a task tells")
}

/// The extensions of requests that a service keeps.
static KEPT: Mutex<Vec<Extensions>> = Mutex::new(Vec::new());

fn served(limits: Limits) -> (Served, Told) {
    served_on(Runtime::builder().build().unwrap(), limits)
}

fn served_on(runtime: Runtime, limits: Limits) -> (Served, Told) {
    let (teller, told) = channel();
    let service = service_fn(move |request| answer(request, teller.clone()));
    let server = Server::new(service).limits(limits);
    let served = client::serve_server(runtime, server.enable_connect_protocol());
    (served, told)
}

fn begun(server: &Served) -> Client {
    let mut client = server.connect();
    client.begin_h2(&[]);
    client
}

/// Answers by the path, or the host of a tunnel.
async fn answer(
    mut request: Request<RequestBody>,
    teller: Sender<String>,
) -> Result<Response<String>, Infallible> {
    let target = request.uri();
    let path = match target.path() {
        "" => format!("/{}", target.host().unwrap()),
        path => path.to_owned(),
    };
    let protocol = upgrade::connect_protocol(&request).map(ToOwned::to_owned);
    let mut answer = Response::new(protocol.unwrap_or_default());
    match path.as_str() {
        "/nobody" | "/plain" => return Ok(answer),
        "/hyper" => {
            let upgraded = hyper::upgrade::on(&mut request);
            let _ = teller.send(format!("{}", upgraded.await.unwrap_err()));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            return Ok(answer);
        }
        // As a middleware might.
        "/kept" => KEPT.lock().unwrap().push(request.extensions().clone()),
        "/body" => {
            *answer.body_mut() = "no place for this".to_owned();
            let fields = answer.headers_mut();
            fields.insert(CONTENT_LENGTH, 17.into());
        }
        "/unknown" => *answer.status_mut() = StatusCode::NOT_IMPLEMENTED,
        "/late" => {
            let upgraded = upgrade::on(&mut request);
            let late = teller.clone();
            let task = async move {
                let _ = late.send(echoed(upgraded.await.unwrap()).await);
            };
            spawn_task!(task, Priority::High).detach();
            let _ = teller.send("late".to_owned());
            // Nothing else has its turn on this thread until the runtime begins no more tasks.
            let handle = Handle::current();
            while handle.try_spawn(async {}, Priority::Low).is_ok() {
                std::thread::yield_now();
            }
            return Ok(answer);
        }
        _ => {}
    }
    let upgraded = upgrade::on(&mut request);
    if path == "/twice" {
        let again = upgrade::on(&mut request).await.err();
        let _ = teller.send(format!("{again:?}"));
    }
    let task = path.clone();
    let waiting = async move {
        let told = match upgraded.await {
            Ok(upgraded) => task_of(&task, upgraded).await,
            Err(error) => format!("{error:?}"),
        };
        let _ = teller.send(told);
    };
    let waiting = spawn_task!(waiting, Priority::High);
    match path.as_str() {
        "/cancelled" => drop(waiting.cancel().await),
        _ => waiting.detach(),
    }
    if path == "/slow" {
        std::future::pending::<()>().await;
    }
    Ok(answer)
}

async fn task_of(path: &str, mut upgraded: Upgraded) -> String {
    match path {
        "/dropped" => "dropped".to_owned(),
        "/panic" => panic!("a task of a stream"),
        "/last-words" => {
            upgraded.write_all(b"bye").await.unwrap();
            "gone".to_owned()
        }
        "/many-words" => {
            let words = vec![b'x'; MANY];
            let written = upgraded.write_all(&words).await;
            format!("{:?}", written.map_err(|_| "not all"))
        }
        "/goodbye" => {
            upgraded.end_begun().await;
            upgraded.write_all(b"bye").await.unwrap();
            "gone".to_owned()
        }
        "/closes" => {
            upgraded.write_all(b"bye").await.unwrap();
            upgraded.close().await.unwrap();
            let mut rest = String::new();
            upgraded.read_to_string(&mut rest).await.unwrap();
            rest
        }
        "/vectored" => {
            let slices = [IoSlice::new(b""), IoSlice::new(b"bye")];
            upgraded.write_vectored(&slices).await.unwrap().to_string()
        }
        "/unread" => {
            upgraded.end_begun().await;
            "gone".to_owned()
        }
        _ => echoed(upgraded).await,
    }
}

/// Sends back what comes: why it ended.
async fn echoed(mut upgraded: Upgraded) -> String {
    let mut bytes = [0; 4096];
    let mut echoed = 0;
    loop {
        let read = match upgraded.read(&mut bytes).await {
            Ok(0) => return format!("echoed {echoed}"),
            Ok(read) => read,
            Err(error) => return format!("{:?}", error.kind()),
        };
        if let Err(error) = upgraded.write_all(&bytes[..read]).await {
            return format!("{:?}", error.kind());
        }
        echoed += read;
    }
}

fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

fn end(stream: u32) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, b"")
}

fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// Asks for a stream, and gets it.
#[track_caller]
fn open(client: &mut Client, stream: u32, path: &str) {
    client.send(connect(stream, "echo", path));
    assert_agreed(client, stream);
}

/// The answer that gives a stream away.
#[track_caller]
fn assert_agreed(client: &mut Client, stream: u32) {
    let head = client.frame_of(HEADERS, stream);
    assert_eq!((head.status(), head.flags & END_STREAM), (200, 0));
}

#[track_caller]
fn assert_refused(client: &mut Client, stream: u32, status: u16) {
    assert_eq!(client.frame_of(HEADERS, stream).status(), status);
}

/// Sends bytes and gets them back.
#[track_caller]
fn assert_echoes(client: &mut Client, stream: u32, bytes: &[u8]) {
    client.send(data(stream, bytes));
    assert!(read(client, stream, bytes.len()) == bytes, "other bytes");
}

#[track_caller]
fn read(client: &mut Client, stream: u32, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let data = client.frame_of(DATA, stream);
        assert_eq!(data.flags & END_STREAM, 0, "after {bytes:?}");
        bytes.extend(data.payload);
    }
    bytes
}

/// The bytes that come until the server ends the stream.
#[track_caller]
fn rest(client: &mut Client, stream: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let data = client.frame_of(DATA, stream);
        bytes.extend(data.payload);
        if data.flags & END_STREAM != 0 {
            return bytes;
        }
    }
}

#[track_caller]
fn assert_plain(client: &mut Client, stream: u32) {
    client.send(get(stream, "/plain"));
    assert_eq!(client.h2_answer(stream), (200, String::new()));
}

/// No connection and no task is left but the server's own.
#[track_caller]
fn assert_nothing_left(server: &Served) {
    server.wait_until("all are gone", |server| server.connections() == 0);
    assert_no_task_left(server);
}

/// Of a client that is still there, its connection's task is left.
#[track_caller]
fn assert_no_task_left(server: &Served) {
    let connections = server.handle.connections() as u64;
    wait_until("no task is left", || {
        server.live_tasks() == OWN_TASKS + connections
    });
}

fn states(server: &Served) -> String {
    let text = server.handle.prometheus();
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("laneway_http_connections{state="))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn bytes_both_ways_and_the_end_of_each_side() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    let settings = client.frame_of(SETTINGS, 0).payload;
    assert!(
        settings
            .chunks(6)
            .any(|setting| setting == ENABLE_CONNECT_PROTOCOL)
    );
    open(&mut client, 1, "/echo");
    assert_echoes(&mut client, 1, b"hello");
    let large: Vec<u8> = (0..60_000_u32).map(|byte| byte as u8).collect();
    for piece in large.chunks(10_000) {
        assert_echoes(&mut client, 1, piece);
    }
    client.send(end(1));
    assert_eq!(rest(&mut client, 1), b"");
    assert_eq!(heard(&told), "echoed 60005");
    assert_no_task_left(&server);
    assert_plain(&mut client, 3);
    drop(client);
    assert_nothing_left(&server);
    assert_eq!(server.end().served, 2);
}

#[test]
fn what_comes_right_behind_the_request_is_not_lost() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    let sent = [connect(1, "echo", "/echo"), data(1, b"first"), end(1)].concat();
    client.send(sent);
    assert_agreed(&mut client, 1);
    assert_eq!(rest(&mut client, 1), b"first");
    assert_eq!(heard(&told), "echoed 5");
}

#[test]
fn two_streams_and_plain_requests_share_a_connection() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/echo");
    open(&mut client, 3, "/echo");
    for round in 0..20 {
        assert_echoes(&mut client, 1, b"one");
        assert_echoes(&mut client, 3, b"three");
        assert_plain(&mut client, 5 + 2 * round);
    }
    client.send(end(1));
    assert_eq!(rest(&mut client, 1), b"");
    assert_eq!(heard(&told), "echoed 60");
    assert_echoes(&mut client, 3, b"still there");
    let kept = "\"busy\"} 0 \"hibernating\"} 0 \"idle\"} 0 \"upgraded\"} 1";
    wait_until("the plain requests are over", || states(&server) == kept);
    client.send(end(3));
    assert_eq!(heard(&told), "echoed 111");
    let idle = "\"busy\"} 0 \"hibernating\"} 0 \"idle\"} 1 \"upgraded\"} 0";
    wait_until("it rests", || states(&server) == idle);
}

#[test]
fn a_tunnel_needs_no_offer() {
    for server in [client::served(Limits::public()), served(Limits::public()).0] {
        let mut client = begun(&server);
        let fields = connect_fields(&[(":authority", "tunnel:443")]);
        client.send(frame(HEADERS, END_HEADERS, 1, &fields));
        assert_agreed(&mut client, 1);
    }
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    let fields = connect_fields(&[(":authority", "tunnel:443")]);
    client.send(frame(HEADERS, END_HEADERS, 1, &fields));
    assert_agreed(&mut client, 1);
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 5");
}

#[test]
fn a_refused_stream_is_told_at_once_and_the_connection_goes_on() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    client.send([connect(1, "what", "/unknown"), data(1, b"too early")].concat());
    assert_refused(&mut client, 1, 501);
    assert_eq!(client.frame_of(DATA, 1).payload, b"what");
    assert_eq!(heard(&told), "Refused");
    assert_plain(&mut client, 3);
    // hyper's own future has no part in HTTP/2.
    client.send(connect(5, "echo", "/hyper"));
    assert_refused(&mut client, 5, 404);
    assert!(heard(&told).contains("upgrade"));
    assert_no_task_left(&server);
}

#[test]
fn a_protocol_that_was_not_offered_is_reset() {
    let server = client::served(Limits::public());
    let mut client = begun(&server);
    let settings = client.frame_of(SETTINGS, 0).payload;
    assert!(settings.chunks(6).all(|setting| setting[..2] != [0, 8]));
    client.send(connect(1, "websocket", "/"));
    assert_eq!(client.frame_of(RST_STREAM, 1).error_code(), PROTOCOL_ERROR);
    client.send(get(3, "/"));
    assert_eq!(client.h2_answer(3).0, 200);
}

#[test]
fn malformed_requests_for_a_stream_are_reset_or_answered_by_400() {
    let (server, _told) = served(Limits::public());
    let mut client = begun(&server);
    let all = [
        (":protocol", "echo"),
        (":scheme", "http"),
        (":path", "/echo"),
        (":authority", "test"),
    ];
    let mut stream = 1;
    let mut send = |client: &mut Client, fields: &[(&str, &str)]| {
        let fields = connect_fields(fields);
        client.send(frame(HEADERS, END_HEADERS, stream, &fields));
        stream += 2;
        stream - 2
    };
    let without = |name: &str| all.into_iter().filter(|field| field.0 != name).collect();
    let with = |name, value| [&all[..], &[(name, value)]].concat();
    let other = |name, value| {
        let fields = all.map(|field| {
            if field.0 == name {
                (name, value)
            } else {
                field
            }
        });
        fields.to_vec()
    };
    let resets: [Vec<_>; 6] = [
        without(":scheme"),
        without(":path"),
        // Without a protocol, these may not be there.
        without(":protocol"),
        other(":path", ""),
        with(":protocol", "echo"),
        with("connection", "upgrade"),
    ];
    for fields in &resets {
        let stream = send(&mut client, fields);
        let error = client.frame_of(RST_STREAM, stream).error_code();
        assert_eq!(error, PROTOCOL_ERROR, "{fields:?}");
    }
    let answered: [Vec<_>; 6] = [
        without(":authority"),
        other(":path", "*"),
        other(":authority", "user@test"),
        with("host", "another"),
        other(":authority", ":80"),
        other(":scheme", ""),
    ];
    for fields in &answered {
        let stream = send(&mut client, fields);
        assert_refused(&mut client, stream, 400);
    }
    // A protocol is for `CONNECT` alone.
    let get = [&[0x82][..], &connect_fields(&all)[17..]].concat();
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 101, &get));
    assert_eq!(
        client.frame_of(RST_STREAM, 101).error_code(),
        PROTOCOL_ERROR
    );
    // The host may stand in its field.
    let stream = 103;
    let fields = [&without(":authority")[..], &[("host", "test")]].concat();
    client.send(frame(
        HEADERS,
        END_HEADERS,
        stream,
        &connect_fields(&fields),
    ));
    assert_agreed(&mut client, stream);
    assert_echoes(&mut client, stream, b"hello");
}

#[test]
fn a_stream_that_nobody_takes_or_keeps_ends() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    let mut stream = 1;
    for path in ["/nobody", "/cancelled", "/dropped", "/panic"] {
        open(&mut client, stream, path);
        assert_eq!(rest(&mut client, stream), b"", "{path}");
        if path == "/dropped" {
            assert_eq!(heard(&told), "dropped");
        }
        stream += 2;
    }
    assert_no_task_left(&server);
    let idle = "\"busy\"} 0 \"hibernating\"} 0 \"idle\"} 1 \"upgraded\"} 0";
    wait_until("it rests", || states(&server) == idle);
    assert_plain(&mut client, stream);
}

#[test]
fn a_stream_ends_though_the_request_is_kept() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/kept");
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 5");
    let idle = "\"busy\"} 0 \"hibernating\"} 0 \"idle\"} 1 \"upgraded\"} 0";
    wait_until("it rests", || states(&server) == idle);
}

#[test]
fn last_words_arrive_though_the_client_still_sends() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    client.send([connect(1, "echo", "/last-words"), data(1, &[b'x'; 10_000])].concat());
    assert_agreed(&mut client, 1);
    assert_eq!(rest(&mut client, 1), b"bye");
    assert_eq!(client.frame_of(RST_STREAM, 1).error_code(), NO_ERROR);
    assert_eq!(heard(&told), "gone");
    client.send(data(1, &[b'x'; 10_000]));
    assert_plain(&mut client, 3);
    // A task that has said all of its part may still read.
    open(&mut client, 5, "/closes");
    assert_eq!(rest(&mut client, 5), b"bye");
    client.send([data(5, b"and so "), data(5, b"on"), end(5)].concat());
    assert_eq!(heard(&told), "and so on");
    assert_no_task_left(&server);
}

#[test]
fn resets_in_each_state_leave_nothing_behind() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    // Before the answer.
    client.send(connect(1, "echo", "/slow"));
    let busy = "\"busy\"} 1 \"hibernating\"} 0 \"idle\"} 0 \"upgraded\"} 0";
    wait_until("it is handled", || states(&server) == busy);
    client.send(reset(1));
    assert_eq!(heard(&told), "Refused");
    // While the task reads, where that is no other end than the client's last word.
    open(&mut client, 3, "/echo");
    assert_echoes(&mut client, 3, b"hello");
    client.send(reset(3));
    assert_eq!(heard(&told), "echoed 5");
    // While the task waits for the client to read on.
    open(&mut client, 5, "/many-words");
    assert_eq!(read(&mut client, 5, 60_000)[0], b'x');
    client.send(reset(5));
    assert_eq!(heard(&told), "Err(\"not all\")");
    // With the whole connection.
    client.send(window(0, 200_000));
    open(&mut client, 7, "/echo");
    assert_echoes(&mut client, 7, b"hello");
    assert_plain(&mut client, 9);
    drop(client);
    assert_ne!(heard(&told), "echoed 5", "it has not been said");
    assert_nothing_left(&server);
    let report = server.end();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_full_window_holds_back_its_own_stream_alone() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    client.send(connect(1, "echo", "/many-words"));
    client.send(window(0, 1_000_000));
    assert_agreed(&mut client, 1);
    let mut words = read(&mut client, 1, 65_535).len();
    assert_eq!(words, 65_535);
    open(&mut client, 3, "/echo");
    assert_echoes(&mut client, 3, b"hello");
    assert_plain(&mut client, 5);
    client.send(window(1, 200_000));
    assert_eq!(heard(&told), "Ok(())");
    words += rest(&mut client, 1).len();
    assert_eq!(words, MANY);
    client.send(end(3));
    heard(&told);
    assert_no_task_left(&server);
}

#[test]
fn bursts_of_small_messages_are_no_flood() {
    const MESSAGES: usize = 5000;
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/echo");
    client.send(window(0, 1_000_000));
    client.send(window(1, 1_000_000));
    client.send(data(1, b"0123456789").repeat(MESSAGES));
    let echo = read(&mut client, 1, 10 * MESSAGES);
    assert!(echo.chunks(10).all(|message| message == b"0123456789"));
    client.send(end(1));
    assert_eq!(heard(&told), format!("echoed {}", 10 * MESSAGES));
}

#[test]
fn a_client_that_does_not_read_the_last_words_is_cut_off() {
    let stall = Duration::from_millis(50);
    let (server, told) = served(Limits::public().write_stall(stall));
    let mut client = server.connect();
    // A window of no bytes.
    client.begin_h2(&[0, 4, 0, 0, 0, 0]);
    open(&mut client, 1, "/last-words");
    assert_eq!(heard(&told), "gone");
    client.goaway();
    assert_nothing_left(&server);
}

#[test]
fn the_times_of_http_do_not_hold_for_a_stream() {
    // A client that stands still for as long is closed before it asks.
    let short = Duration::from_millis(300);
    let limits = Limits::public().idle(short).hibernate(short / 2);
    let limits = limits.body_stall(short).write_stall(short);
    let (server, told) = served(limits.first_byte(short).linger(1000, short));
    let mut client = begun(&server);
    open(&mut client, 1, "/echo");
    for round in 0..2 {
        let mut silent = server.connect();
        assert_eq!(silent.closed(), "");
        let mut resting = begun(&server);
        assert_plain(&mut resting, 1);
        assert_eq!(resting.goaway().error_code(), NO_ERROR);
        assert_echoes(&mut client, 1, b"hello");
        assert_plain(&mut client, 3 + 2 * round);
    }
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 10");
    assert_eq!(client.goaway().error_code(), NO_ERROR);
}

#[test]
fn the_head_of_an_answer_is_corrected() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/body");
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 5");
}

#[test]
fn several_slices_are_written_from_the_first_that_is_not_empty() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/vectored");
    assert_eq!(heard(&told), "3");
    assert_eq!(rest(&mut client, 1), b"bye");
}

#[test]
fn at_the_deadline_last_words_that_are_not_read_are_named() {
    let deadline = Duration::from_millis(300);
    let (server, told) = served(Limits::public().shutdown(deadline));
    let mut client = server.connect();
    // A window of no bytes.
    client.begin_h2(&[0, 4, 0, 0, 0, 0]);
    open(&mut client, 1, "/last-words");
    assert_eq!(heard(&told), "gone");
    let report = server.end();
    assert!(
        report
            .to_string()
            .contains("CONNECT /last-words was about to close"),
        "{report}"
    );
}

#[test]
fn the_first_call_alone_gets_the_stream() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/twice");
    assert_eq!(heard(&told), "Some(NotAsked)");
    assert_echoes(&mut client, 1, b"hello");
}

#[test]
fn a_client_may_end_its_part_after_the_end_has_begun() {
    let (server, told) = served(Limits::public().shutdown(WATCHDOG));
    let mut client = begun(&server);
    open(&mut client, 1, "/echo");
    server.handle.shutdown();
    client.frame_of(GOAWAY, 0);
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 5");
    drop(client);
    assert!(server.end().is_clean());
}

#[test]
fn tasks_learn_of_the_end_and_say_goodbye() {
    let (server, told) = served(Limits::public().shutdown(WATCHDOG));
    let mut client = begun(&server);
    open(&mut client, 1, "/goodbye");
    open(&mut client, 3, "/goodbye");
    server.handle.shutdown();
    let mut words = Vec::new();
    while let Some(Frame {
        kind,
        stream,
        payload,
        ..
    }) = client.frame()
    {
        match kind {
            PING => client.send(frame(PING, ACK, 0, &payload)),
            DATA if !payload.is_empty() => words.push((stream, payload)),
            _ => {}
        }
    }
    words.sort();
    assert_eq!(words, [(1, b"bye".to_vec()), (3, b"bye".to_vec())]);
    assert_eq!([heard(&told), heard(&told)], ["gone", "gone"]);
    let report = server.end();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.served, report.finished), (2, 1));
}

#[test]
fn the_shutdown_of_the_runtime_is_told_as_well() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/goodbye");
    // The connection, the exchange, the task with the stream, and the one by which hyper sends its
    // bytes: a runtime that shuts down begins no more.
    wait_until("all tasks of the stream have begun", || {
        let queues = server.runtime.metrics().queues;
        queues.iter().map(|queue| queue.spawned).sum::<u64>() == OWN_TASKS + 4
    });
    let reader = std::thread::spawn(move || {
        let words = rest(&mut client, 1);
        // The ping of the server's goodbye is not answered.
        drop(client);
        words
    });
    let report = server.runtime.shutdown(WATCHDOG);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(reader.join().unwrap(), b"bye");
    assert_eq!(heard(&told), "gone");
}

/// hyper has a task of its own send what is written to the stream.
#[test]
fn a_stream_that_is_given_away_when_the_runtime_begins_no_more_tasks_is_written_to() {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let builder = builder.with_standby(0).with_stealing(Stealing::None);
    let (server, told) = served_on(builder.build().unwrap(), Limits::public());
    let mut client = begun(&server);
    client.send(connect(1, "echo", "/late"));
    assert_eq!(heard(&told), "late");
    let ends = std::thread::spawn(move || server.runtime.shutdown(WATCHDOG));
    assert_agreed(&mut client, 1);
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(rest(&mut client, 1), b"");
    // The ping of the server's goodbye is not answered.
    drop(client);
    assert_eq!(heard(&told), "echoed 5");
    let report = ends.join().unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn more_streams_than_a_client_may_have_are_refused() {
    const REFUSED_STREAM: u32 = 7;
    let (server, told) = served(Limits::public().streams(2));
    let mut client = begun(&server);
    // The limit holds once the client knows of it.
    client.frame_of(SETTINGS, 0);
    client.send(frame(SETTINGS, ACK, 0, &[]));
    open(&mut client, 1, "/echo");
    open(&mut client, 3, "/echo");
    client.send(connect(5, "echo", "/echo"));
    assert_eq!(client.frame_of(RST_STREAM, 5).error_code(), REFUSED_STREAM);
    client.send(end(1));
    assert_eq!(rest(&mut client, 1), b"");
    assert_eq!(heard(&told), "echoed 0");
    open(&mut client, 7, "/echo");
    assert_echoes(&mut client, 3, b"hello");
}

#[test]
fn a_stream_goes_on_after_a_goaway_of_the_client() {
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/echo");
    client.send(frame(GOAWAY, 0, 0, &[0; 8]));
    assert_echoes(&mut client, 1, b"hello");
    client.send(end(1));
    assert_eq!(heard(&told), "echoed 5");
    assert_eq!(client.goaway().error_code(), NO_ERROR);
    assert_nothing_left(&server);
}

#[test]
fn at_the_deadline_streams_are_cut_off_and_named() {
    let deadline = Duration::from_millis(300);
    let (server, told) = served(Limits::public().shutdown(deadline));
    let mut client = begun(&server);
    open(&mut client, 1, "/echo?a=b");
    open(&mut client, 3, "/unread");
    let fields = connect_fields(&[(":authority", "tunnel:443")]);
    client.send(frame(HEADERS, END_HEADERS, 5, &fields));
    assert_agreed(&mut client, 5);
    let Served {
        runtime,
        handle,
        serving,
        ..
    } = server;
    handle.shutdown();
    let report = runtime.block_on(serving);
    let mut kinds = [heard(&told), heard(&told), heard(&told)];
    kinds.sort();
    assert_eq!(kinds, ["ConnectionAborted", "ConnectionAborted", "gone"]);
    let mut cut: Vec<_> = report
        .cut
        .iter()
        .map(|cut| (cut.path.clone(), cut.doing))
        .collect();
    cut.sort_by(|a, b| a.0.cmp(&b.0));
    let paths = cut.iter().map(|(path, _)| path.as_deref().unwrap());
    assert_eq!(
        paths.collect::<Vec<_>>(),
        ["/echo", "tunnel:443"],
        "{report}"
    );
    assert!(cut.iter().all(|(_, doing)| *doing == Doing::Upgraded));
    assert!(report.to_string().contains("CONNECT /echo was upgraded"));
}

#[test]
fn a_stream_is_not_agreed_to_once_the_end_has_begun() {
    let (opener, waiting) = client::door();
    let service = service_fn(move |_request: Request<RequestBody>| {
        let waiting = waiting.clone();
        async move {
            waiting.wait().await;
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let server = Server::new(service).enable_connect_protocol();
    let server = client::serve_server(Runtime::builder().build().unwrap(), server);
    let mut client = begun(&server);
    client.send(connect(1, "echo", "/"));
    opener.wait_for_a_handler();
    server.handle.shutdown();
    client.frame_of(GOAWAY, 0);
    opener.open();
    assert_refused(&mut client, 1, 503);
    drop(client);
    assert!(server.end().is_clean());
}

#[test]
fn the_stream_of_a_low_route_may_be_low() {
    let service = low(service_fn(async |mut request: Request<RequestBody>| {
        let upgraded = upgrade::on(&mut request);
        let task = async { echoed(upgraded.await.unwrap()).await };
        spawn_task!(task, Priority::Low).detach();
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let server = Server::new(service).enable_connect_protocol();
    let server = client::serve_server(Runtime::builder().build().unwrap(), server);
    let mut client = begun(&server);
    open(&mut client, 1, "/");
    assert_echoes(&mut client, 1, b"hello");
    assert_eq!(server.runtime.metrics().queues[1].spawned, 2);
}

#[test]
fn the_access_log_has_the_answer_and_the_end() {
    LINES.collect();
    let (server, told) = served(Limits::public());
    let mut client = begun(&server);
    open(&mut client, 1, "/echo?a=b");
    let peer = client.stream.local_addr().unwrap().to_string();
    let of_peer = || {
        let mut lines = LINES.all();
        lines.retain(|line| line.starts_with(&peer));
        lines
    };
    wait_until("the answer is told", || of_peer().len() == 1);
    assert!(of_peer()[0].starts_with(&format!("{peer} CONNECT /echo 200 ")));
    client.send(end(1));
    heard(&told);
    wait_until("the end is told", || of_peer().len() == 2);
    assert!(of_peer()[1].starts_with(&format!("{peer} CONNECT /echo upgraded ")));
    client.send(connect(3, "echo", "/nobody"));
    assert_eq!(client.frame_of(HEADERS, 3).status(), 200);
    wait_until("the answer is told", || of_peer().len() == 3);
    client.stream.shutdown(Shutdown::Both).unwrap();
    assert_nothing_left(&server);
    assert_eq!(of_peer().len(), 3);
}

struct Unheard;

impl Wake for Unheard {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn waits_that_are_over_are_forgotten() {
    let unheard = Arc::new(Unheard);
    let waker = Arc::new(Waker::from(unheard.clone()));
    let service = service_fn(move |mut request: Request<RequestBody>| {
        let (upgraded, waker) = (upgrade::on(&mut request), waker.clone());
        let waker = Waker::clone(&waker);
        let agrees = request.uri().path() == "/agrees";
        let waits = async move {
            let mut upgraded = pin!(upgraded);
            let poll = upgraded.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(poll.is_pending());
            if agrees {
                let upgraded = upgraded.await.unwrap();
                let mut end = pin!(upgraded.end_begun());
                let poll = end.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(poll.is_pending());
                drop(upgraded);
                end.await;
            }
        };
        let waits = spawn_task!(waits, Priority::High);
        async move {
            match agrees {
                true => waits.detach(),
                false => std::future::pending().await,
            }
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let server = Server::new(service).enable_connect_protocol();
    let server = client::serve_server(Runtime::builder().build().unwrap(), server);
    let mut client = begun(&server);
    // The test's own, and that of all clones of the service.
    let kept = 2;
    for stream in [1, 5, 9] {
        client.send(connect(stream, "echo", "/"));
        wait_until("it waits", || Arc::strong_count(&unheard) > kept);
        client.send(reset(stream));
        wait_until("it is forgotten", || Arc::strong_count(&unheard) == kept);
        open(&mut client, stream + 2, "/agrees");
        assert_eq!(rest(&mut client, stream + 2), b"");
        wait_until("it is forgotten", || Arc::strong_count(&unheard) == kept);
    }
    assert_no_task_left(&server);
}

/// Agrees to a WebSocket, and sends each message back.
async fn websocket(mut request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
    assert_eq!(upgrade::connect_protocol(&request), Some("websocket"));
    let upgraded = upgrade::on(&mut request);
    let task = async {
        let upgraded = upgraded.await.expect("it is agreed to below");
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if !message.is_close() {
                socket.send(message).await.expect("the client reads");
            }
        }
    };
    spawn_task!(task, Priority::High).detach();
    Ok(Response::new(String::new()))
}

#[test]
fn async_tungstenite_speaks_over_a_stream() {
    let server = Server::new(service_fn(websocket)).enable_connect_protocol();
    let server = client::serve_server(Runtime::builder().build().unwrap(), server);
    let mut client = begun(&server);
    // The windows of the server are large from this on.
    client.frame_of(SETTINGS, 0);
    client.send(frame(SETTINGS, ACK, 0, &[]));
    client.send([window(0, 1 << 30), connect(1, "websocket", "/")].concat());
    client.send(window(1, 1 << 30));
    assert_agreed(&mut client, 1);
    for length in [0, 1, 125, 200_000] {
        let message = Message::binary(vec![7; length]);
        let bytes = of_client(&message);
        bytes
            .chunks(16_000)
            .for_each(|piece| client.send(data(1, piece)));
        // The frames of a server have no mask.
        assert!(read(&mut client, 1, bytes.len() - 4).ends_with(&vec![7; length]));
    }
    client.send(data(1, &of_client(&Message::Close(None))));
    assert_eq!(rest(&mut client, 1), [0x88, 0]);
    drop(client);
    assert_nothing_left(&server);
}

/// The frame of a client with an empty mask.
fn of_client(message: &Message) -> Vec<u8> {
    let (code, bytes) = match message {
        Message::Close(None) => (0x88, Vec::new()),
        message => (0x82, message.clone().into_data().to_vec()),
    };
    let length = match bytes.len() {
        short @ ..126 => vec![0x80 | short as u8],
        long => [&[0xff][..], &(long as u64).to_be_bytes()].concat(),
    };
    [&[code][..], &length, &[0; 4], &bytes].concat()
}
