//! Does a connection go to the task that takes its upgrade, with all its bytes, and to no other one;
//! and do refusals, resets and shutdowns leave nothing behind?

mod access_log;
mod client;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use access_log::LINES;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::server::create_response;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::{self, Message};
use client::{Client, LARGE, OWN_TASKS, Served, get, wait_until};
use futures_lite::future::zip;
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use laneway::net::TcpStream;
use laneway::time::sleep;
use laneway::{Priority, Runtime, spawn_task, yield_now};
use laneway_http::upgrade::{self, NotUpgraded, Upgraded};
use laneway_http::{Doing, Limits, RequestBody, Route, low, service_fn};

/// The words of the tasks that wait for upgrades.
type Told = Receiver<String>;

/// No task is silent for longer.
const WATCHDOG: Duration = Duration::from_secs(20);

#[track_caller]
fn heard(told: &Told) -> String {
    told.recv_timeout(WATCHDOG).expect("a task tells")
}

/// Serves [`answer`].
fn served(limits: Limits) -> (Served, Told) {
    served_on(Runtime::builder().build().unwrap(), limits)
}

fn served_on(runtime: Runtime, limits: Limits) -> (Served, Told) {
    let (teller, told) = channel();
    let server = client::serve_on(runtime, limits, move |request| {
        answer(request, teller.clone())
    });
    (server, told)
}

/// An answer that gives the connection away.
fn switching() -> Response<String> {
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer
        .headers_mut()
        .insert(UPGRADE, "echo".parse().unwrap());
    answer
}

/// Answers by the path: what is answered, and what a task does that waits for the upgrade.
async fn answer(
    mut request: Request<RequestBody>,
    teller: Sender<String>,
) -> Result<Response<String>, Infallible> {
    let path = match request.method() {
        &Method::CONNECT => format!("/{}", request.uri().host().unwrap()),
        _ => request.uri().path().to_owned(),
    };
    match path.as_str() {
        "/nobody" => return Ok(switching()),
        "/hyper" => {
            let upgraded = hyper::upgrade::on(&mut request);
            spawn_task!(of_hyper(upgraded, teller), Priority::High).detach();
            return Ok(switching());
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
            Err(NotUpgraded::NotAsked) => "not asked".to_owned(),
            Err(NotUpgraded::Refused) => "refused".to_owned(),
            Err(_) => "another error".to_owned(),
        };
        let _ = teller.send(told);
    };
    spawn_task!(waiting, Priority::High).detach();
    let mut answer = switching();
    match path.as_str() {
        "/refused" => *answer.status_mut() = StatusCode::FORBIDDEN,
        "/ok" | "/tunnel" => *answer.status_mut() = StatusCode::OK,
        "/version" => *answer.version_mut() = Version::HTTP_10,
        "/route" => drop(answer.extensions_mut().insert(Route::named("/named"))),
        "/nameless" => drop(answer.headers_mut().remove(UPGRADE)),
        "/body" => {
            *answer.body_mut() = "no place for this".to_owned();
            let fields = answer.headers_mut();
            fields.insert(CONTENT_LENGTH, 17.into());
            fields.insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        }
        "/slow" => std::future::pending().await,
        _ => {}
    }
    Ok(answer)
}

async fn task_of(path: &str, mut upgraded: Upgraded) -> String {
    match path {
        "/dropped" => "dropped".to_owned(),
        "/panic" => panic!("a task of an upgrade"),
        "/last-words" => {
            upgraded.write_all(b"bye").await.unwrap();
            "gone".to_owned()
        }
        "/goodbye" => {
            upgraded.end_begun().await;
            upgraded.write_all(b"bye").await.unwrap();
            "gone".to_owned()
        }
        "/end-begun" => {
            let end = upgraded.end_begun();
            let drops = async {
                // The other one waits first.
                yield_now().await;
                drop(upgraded);
            };
            zip(end, drops).await;
            "over".to_owned()
        }
        "/closes" => {
            upgraded.write_all(b"bye").await.unwrap();
            upgraded.close().await.unwrap();
            let mut rest = String::new();
            upgraded.read_to_string(&mut rest).await.unwrap();
            rest
        }
        "/by-pieces" => echoed_by::<3>(upgraded).await,
        _ => echoed(upgraded).await,
    }
}

/// Sends back what comes: why it ended.
async fn echoed(upgraded: Upgraded) -> String {
    echoed_by::<4096>(upgraded).await
}

/// The same, in pieces of this size at most.
async fn echoed_by<const SIZE: usize>(mut upgraded: Upgraded) -> String {
    let mut bytes = [0; SIZE];
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

/// Reads by hyper's traits first, and then by those of this crate.
async fn of_hyper(upgraded: hyper::upgrade::OnUpgrade, teller: Sender<String>) {
    use hyper::rt::{Read as _, ReadBuf};
    let mut upgraded = upgraded.await.expect("it is answered by 101");
    let mut space = [0; 3];
    let mut buffer = ReadBuf::new(&mut space);
    poll_fn(|cx| Pin::new(&mut upgraded).poll_read(cx, buffer.unfilled()))
        .await
        .unwrap();
    let first = String::from_utf8_lossy(buffer.filled()).into_owned();
    let upgraded = Upgraded::try_from(upgraded).expect("it is of this crate's server");
    let _ = teller.send(format!("{first}, {}", echoed(upgraded).await));
}

/// A request for an upgrade.
fn asking(path: &str) -> String {
    with_fields(path, "Connection: Upgrade\r\nUpgrade: echo\r\n")
}

fn with_fields(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n")
}

#[track_caller]
fn assert_switched(client: &mut Client) -> String {
    let head = client.head();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    head
}

/// Sends bytes and gets them back.
#[track_caller]
fn assert_echoes(client: &mut Client, bytes: &[u8]) {
    client.send(bytes);
    assert_reads(client, bytes);
}

#[track_caller]
fn assert_reads(client: &mut Client, bytes: &[u8]) {
    let mut echo = vec![0; bytes.len()];
    client.stream.read_exact(&mut echo).expect("an echo");
    assert!(echo == bytes, "other bytes came back");
}

/// Says that nothing more will come.
fn finish(client: &Client) {
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
}

/// Leaves by a reset.
fn reset(server: &Served, client: Client) {
    let taken_over = async { TcpStream::try_from(client.stream).unwrap() };
    let stream = server.runtime.block_on(taken_over);
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

/// No connection and no task is left but the server's own.
#[track_caller]
fn assert_nothing_left(server: &Served) {
    server.wait_until("all are gone", |server| server.connections() == 0);
    wait_until("no task is left", || server.live_tasks() == OWN_TASKS);
}

#[test]
fn bytes_both_ways_and_the_end_of_each_side() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/echo"));
    let head = assert_switched(&mut client);
    assert!(head.contains("\r\nupgrade: echo\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    for round in 0..100 {
        assert_echoes(&mut client, format!("round {round}").as_bytes());
    }
    finish(&client);
    assert_eq!(client.closed(), "");
    assert_eq!(heard(&told), "echoed 790");
    assert_nothing_left(&server);
    assert_eq!(server.end().served, 1);
}

#[test]
fn what_is_sent_right_behind_the_request_is_not_lost() {
    let (server, told) = served(Limits::public());
    // Beside the head in one read, and more than the server reads at once.
    for length in [1, 5, 4000, 100_000] {
        let behind: Vec<u8> = (0..length).map(|place| place as u8).collect();
        let mut client = server.connect();
        let mut writer = client.stream.try_clone().unwrap();
        let sent = [asking("/echo").as_bytes(), &behind].concat();
        let writing = std::thread::spawn(move || writer.write_all(&sent));
        assert_switched(&mut client);
        assert_reads(&mut client, &behind);
        writing.join().unwrap().unwrap();
        finish(&client);
        assert_eq!(client.closed(), "");
        assert_eq!(heard(&told), format!("echoed {length}"));
    }
    assert_nothing_left(&server);
}

#[test]
fn what_looks_like_a_request_behind_an_upgrade_belongs_to_the_other_protocol() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/echo") + &get("/never"));
    assert_switched(&mut client);
    assert_reads(&mut client, get("/never").as_bytes());
    // Nor is anything refused there.
    assert_echoes(&mut client, b"\x00\xff\r\n\r\nno HTTP\r\n\r\n");
    drop(client);
    heard(&told);
    assert_nothing_left(&server);
    assert_eq!(server.end().served, 1);
}

#[test]
fn heads_that_come_byte_by_byte_are_upgraded_too() {
    let (server, _told) = served(Limits::public());
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    for byte in asking("/echo").bytes() {
        client.send([byte]);
    }
    assert_switched(&mut client);
    assert_echoes(&mut client, b"hello");
}

#[test]
fn an_upgrade_may_follow_other_requests_even_unread_ones() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    let large = client::get("/ok");
    client.send(large.repeat(3) + &asking("/echo") + "hello");
    for _ in 0..3 {
        assert_eq!(client.answer().1, "");
        assert_eq!(heard(&told), "not asked");
    }
    assert_switched(&mut client);
    assert_reads(&mut client, b"hello");
}

#[test]
fn the_answer_waits_for_a_client_that_reads_slowly() {
    let server = client::serve_with(Limits::public(), async |mut request| {
        if request.uri().path() == "/large" {
            return Ok(Response::new("x".repeat(LARGE)));
        }
        let upgraded = upgrade::on(&mut request);
        spawn_task!(
            async { echoed(upgraded.await.unwrap()).await },
            Priority::High
        )
        .detach();
        Ok(switching())
    });
    let mut client = server.connect();
    client.send(get("/large") + &asking("/echo") + "hello");
    server.wait_until("the socket is full", |server| {
        server.prometheus().contains("state=\"busy\"} 1")
    });
    assert_eq!(client.answer().1.len(), LARGE);
    assert_switched(&mut client);
    assert_reads(&mut client, b"hello");
}

#[test]
fn hypers_own_future_gets_the_connection_as_well() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/hyper") + "oneTWO");
    assert_switched(&mut client);
    assert_reads(&mut client, b"TWO");
    finish(&client);
    assert_eq!(client.closed(), "");
    assert_eq!(heard(&told), "one, echoed 3");
    assert_nothing_left(&server);
}

#[test]
fn hypers_own_future_fails_at_once_where_nothing_is_offered() {
    let server = client::serve_with(Limits::public(), async |mut request| {
        let upgraded = hyper::upgrade::on(&mut request).await;
        Ok(Response::new(upgraded.is_ok().to_string()))
    });
    let mut client = server.connect();
    client.send(with_fields("/", "Upgrade: echo\r\n"));
    assert_eq!(client.answer().1, "false");
    let length = "Content-Length: 5\r\n";
    let fields = format!("Connection: upgrade\r\nUpgrade: echo\r\n{length}");
    client.send(with_fields("/", &fields) + "hello");
    assert_eq!(client.answer().1, "false");
}

#[test]
fn what_is_sent_right_behind_the_request_may_be_read_in_pieces() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/by-pieces") + "some bytes");
    assert_switched(&mut client);
    assert_reads(&mut client, b"some bytes");
    assert_echoes(&mut client, b"and others");
    finish(&client);
    assert_eq!(heard(&told), "echoed 20");
}

#[test]
fn hypers_own_writes_and_its_shutdown_reach_the_client() {
    use hyper::rt::Write as _;
    let server = client::serve_with(Limits::public(), async |mut request| {
        let upgraded = hyper::upgrade::on(&mut request);
        let task = async {
            let mut upgraded = upgraded.await.unwrap();
            let mut write =
                async |bytes| poll_fn(|cx| Pin::new(&mut upgraded).poll_write(cx, bytes)).await;
            write(b"bye").await.unwrap();
            poll_fn(|cx| Pin::new(&mut upgraded).poll_flush(cx))
                .await
                .unwrap();
            poll_fn(|cx| Pin::new(&mut upgraded).poll_shutdown(cx))
                .await
                .unwrap();
            // Kept: it is the shutdown that ends the answer.
            std::future::pending::<()>().await;
            drop(upgraded);
        };
        spawn_task!(task, Priority::High).detach();
        Ok(switching())
    });
    let mut client = server.connect();
    client.send(asking("/"));
    assert_switched(&mut client);
    assert_eq!(client.closed(), "bye");
}

#[test]
fn a_connection_stays_upgraded_while_hypers_own_writes_wait() {
    let (teller, told) = channel();
    let server = client::serve_with(Limits::public(), move |mut request| {
        let (upgraded, teller) = (hyper::upgrade::on(&mut request), teller.clone());
        let task = async move {
            use hyper::rt::Write as _;
            let mut upgraded = upgraded.await.unwrap();
            let (bytes, mut written) = (vec![b'x'; LARGE], 0);
            poll_fn(|cx| {
                while written < LARGE {
                    let poll = Pin::new(&mut upgraded).poll_write(cx, &bytes[written..]);
                    let Poll::Ready(more) = poll else {
                        let _ = teller.send("waits".to_owned());
                        return Poll::Pending;
                    };
                    written += more.unwrap();
                }
                Poll::Ready(())
            })
            .await;
        };
        spawn_task!(task, Priority::High).detach();
        std::future::ready(Ok(switching()))
    });
    let mut client = server.connect();
    client.send(asking("/"));
    assert_eq!(heard(&told), "waits");
    let upgraded = "laneway_http_connections{state=\"upgraded\"} 1\n";
    assert!(server.handle.prometheus().contains(upgraded));
    assert_switched(&mut client);
    assert_eq!(client.closed().len(), LARGE);
}

#[test]
fn a_service_chooses_among_several_protocols() {
    let (server, _told) = served(Limits::public());
    for fields in [
        "Upgrade: h2c, echo\r\nConnection: keep-alive, Upgrade\r\n",
        "Connection: foo\r\nConnection: bar ,\tuPGRADE \r\nUpgrade: echo/1\r\nUpgrade: b\r\n",
    ] {
        let mut client = server.connect();
        client.send(with_fields("/echo", fields));
        let head = assert_switched(&mut client);
        assert!(head.contains("upgrade: echo\r\n"), "{head}");
        assert_echoes(&mut client, b"hello");
    }
}

#[test]
fn requests_that_ask_for_no_upgrade_get_none() {
    let (server, told) = served(Limits::public());
    let body = "Content-Length: 5\r\n";
    let cases = [
        get("/echo"),
        with_fields("/echo", "Upgrade: echo\r\n"),
        with_fields("/echo", "Connection: upgrade\r\n"),
        with_fields("/echo", "Connection: upgrades\r\nUpgrade: echo\r\n"),
        with_fields(
            "/echo",
            &format!("Connection: upgrade\r\nUpgrade: echo\r\n{body}"),
        ) + "hello",
    ];
    for request in cases {
        let mut client = server.connect();
        client.send(&request);
        let (head, body) = client.answer();
        assert!(head.starts_with("http/1.1 501 "), "{request}: {head}");
        assert_eq!((body.as_str(), heard(&told).as_str()), ("", "not asked"));
        // What follows is HTTP again, where hyper has read the body.
        client.send(get("/ok"));
        if request.ends_with("\r\n") {
            assert_eq!(client.answer().1, "");
            assert_eq!(heard(&told), "not asked");
        }
    }
    assert_nothing_left(&server);
}

#[test]
fn http_1_0_has_no_upgrades() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send("GET /echo HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(client.closed().starts_with("HTTP/1.0 501 "));
    assert_eq!(heard(&told), "not asked");
}

#[test]
fn a_refused_upgrade_is_told_at_once_and_the_connection_goes_on() {
    let (server, told) = served(Limits::public().hibernate(Duration::MAX));
    let mut client = server.connect();
    for path in ["/refused", "/ok"] {
        client.send(asking(path));
        assert_eq!(client.answer().1, "");
        // While the connection is there.
        assert_eq!(heard(&told), "refused");
    }
    client.send(asking("/echo"));
    assert_switched(&mut client);
    assert_echoes(&mut client, b"hello");
}

#[test]
fn a_task_that_waits_already_is_told_of_a_refusal() {
    let (teller, told) = channel();
    let limits = Limits::public().hibernate(Duration::MAX);
    let server = client::serve_with(limits, move |mut request| {
        let teller = teller.clone();
        async move {
            let mut upgraded = upgrade::on(&mut request);
            let (opener, waited) = client::door();
            let task = async move {
                let polled = poll_fn(|cx| {
                    let polled = Pin::new(&mut upgraded).poll(cx);
                    opener.open();
                    polled
                });
                teller.send(format!("{:?}", polled.await.err()))
            };
            spawn_task!(task, Priority::High).detach();
            waited.wait().await;
            Ok(Response::new(String::new()))
        }
    });
    let mut client = server.connect();
    client.send(asking("/"));
    client.answer();
    // While the connection is there.
    assert_eq!(heard(&told), "Some(Refused)");
    assert_eq!(server.handle.connections(), 1);
}

#[test]
fn a_refused_upgrade_does_not_come_with_a_later_end() {
    // hyper itself would give the connection to the one that waited for the first request.
    let server = client::serve_with(Limits::public(), async |mut request| {
        let upgraded = hyper::upgrade::on(&mut request);
        if request.uri().path() == "/refused" {
            let task = async { assert!(upgraded.await.is_err(), "it was refused") };
            spawn_task!(task, Priority::High).detach();
        }
        Ok(Response::new(String::new()))
    });
    let mut client = server.connect();
    client.send(asking("/refused"));
    client.answer();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(client.closed().starts_with("HTTP/1.1 200 "));
    assert_nothing_left(&server);
    let panics = server.runtime.metrics().queues[0].panicked;
    assert_eq!(panics, 0);
}

#[test]
fn an_upgrade_that_nobody_takes_or_keeps_ends_the_connection() {
    let (server, told) = served(Limits::public());
    for path in ["/nobody", "/dropped", "/panic"] {
        let mut client = server.connect();
        client.send(asking(path));
        assert_switched(&mut client);
        assert_eq!(client.closed(), "", "{path}");
    }
    assert_eq!(heard(&told), "dropped");
    assert_nothing_left(&server);
    assert_eq!(server.end().served, 3);
}

#[test]
fn the_head_of_an_upgrade_is_corrected_or_refused() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/body"));
    let head = assert_switched(&mut client);
    assert!(!head.contains("content-length"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_echoes(&mut client, b"hello");
    drop(client);
    heard(&told);

    let mut client = server.connect();
    client.send(asking("/version"));
    assert_switched(&mut client);
    drop(client);
    heard(&told);

    let mut client = server.connect();
    client.send(asking("/nameless"));
    assert!(client.answer().0.starts_with("http/1.1 501 "));
    assert_eq!(heard(&told), "refused");
}

#[test]
fn last_words_arrive_though_the_client_still_sends() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send([asking("/last-words").as_bytes(), &[b'x'; 40_000]].concat());
    assert_switched(&mut client);
    assert_eq!(client.closed(), "bye");
    assert_eq!(heard(&told), "gone");
    assert_nothing_left(&server);
}

#[test]
fn a_reset_ends_the_task_and_the_connection() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/echo"));
    assert_switched(&mut client);
    reset(&server, client);
    assert_eq!(heard(&told), "ConnectionReset");
    assert_nothing_left(&server);
}

#[test]
fn a_client_that_leaves_before_the_answer_gets_no_upgrade() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/slow"));
    server.wait_until("it is handled", |server| {
        server.prometheus().contains("state=\"busy\"} 1")
    });
    reset(&server, client);
    assert_eq!(heard(&told), "refused");
    assert_nothing_left(&server);
}

#[test]
fn connect_makes_a_tunnel() {
    let (server, told) = served(Limits::public());
    for version in ["1.1", "1.0"] {
        let mut client = server.connect();
        let head = format!("CONNECT tunnel:443 HTTP/{version}\r\nHost: tunnel:443\r\n\r\n");
        client.send(head + "first");
        let head = client.head();
        assert!(head.starts_with(&format!("http/{version} 200 ")), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert_reads(&mut client, b"first");
        assert_echoes(&mut client, b"second");
        finish(&client);
        assert_eq!(client.closed(), "");
        assert_eq!(heard(&told), "echoed 11");
    }
    assert_nothing_left(&server);
}

#[test]
fn a_refused_tunnel_ends_the_connection() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    // What was meant for the tunnel is not asked of the server.
    client.send(format!(
        "CONNECT refused:443 HTTP/1.1\r\nHost: refused:443\r\n\r\n{}",
        get("/ok")
    ));
    let answer = client.closed();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert_eq!(heard(&told), "refused");
    // Nor does a tunnel begin with the body of its request.
    let mut client = server.connect();
    let length = "Content-Length: 5";
    client.send(format!(
        "CONNECT tunnel:443 HTTP/1.1\r\nHost: tunnel:443\r\n{length}\r\n\r\nhello"
    ));
    assert!(client.closed().starts_with("HTTP/1.1 501 "));
    assert_eq!(heard(&told), "not asked");
}

#[test]
fn the_times_of_http_do_not_hold_for_an_upgraded_connection() {
    // A client that stands still for as long is closed before it asks.
    let short = Duration::from_millis(300);
    let limits = Limits::public()
        .idle(short)
        .hibernate(short / 2)
        .head_time(short);
    let limits = limits
        .body_stall(short)
        .write_stall(short)
        .first_byte(short);
    let (server, _told) = served(limits);
    let mut client = server.connect();
    client.send(asking("/echo"));
    assert_switched(&mut client);
    // Several that came later have had their times.
    for _ in 0..3 {
        let mut silent = server.connect();
        assert_eq!(silent.closed(), "");
        let mut slow = server.connect();
        slow.send("GET / HTTP/1.1\r\n");
        assert!(slow.closed().starts_with("HTTP/1.1 408 "));
        assert_echoes(&mut client, b"GET / HTTP/1.1\r\n");
    }
}

#[test]
fn an_upgraded_connection_counts_and_is_not_closed_to_make_room() {
    let (server, told) = served(Limits::public().connections(1));
    let mut client = server.connect();
    client.send(asking("/echo"));
    assert_switched(&mut client);
    let mut next = server.connect();
    next.send(get("/ok"));
    assert_echoes(&mut client, b"hello");
    assert_eq!(server.handle.connections(), 1);
    let upgraded = "laneway_http_connections{state=\"upgraded\"} 1\n";
    assert!(server.handle.prometheus().contains(upgraded));
    drop(client);
    assert_eq!(heard(&told), "echoed 5");
    assert_eq!(next.answer().1, "");
}

#[test]
fn an_upgrade_is_counted_by_its_route() {
    let (server, _told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/route"));
    assert_switched(&mut client);
    let counted = "laneway_http_requests_total{route=\"/named\",status=\"1xx\"} 1\n";
    server.wait_until("it is counted", |server| {
        server.prometheus().contains(counted)
    });
}

/// A body whose end panics.
struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("the end of a body");
    }
}

impl http_body::Body for Panics {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
        unreachable!("an upgrade has no body")
    }
}

#[test]
fn a_body_that_panics_is_left_out_as_any_other() {
    let service = service_fn(async |mut request: Request<RequestBody>| {
        let upgraded = upgrade::on(&mut request);
        spawn_task!(async { echoed(upgraded.await.unwrap()).await }).detach();
        Ok::<_, Infallible>(switching().map(|_| Panics))
    });
    let runtime = Runtime::builder().build().unwrap();
    let server = client::serve_service(runtime, Limits::public(), service);
    let mut client = server.connect();
    client.send(asking("/"));
    assert_switched(&mut client);
    assert_echoes(&mut client, b"hello");
}

#[test]
fn the_wait_for_the_end_is_over_with_the_connection() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/end-begun"));
    assert_switched(&mut client);
    assert_eq!(client.closed(), "");
    assert_eq!(heard(&told), "over");
    assert_nothing_left(&server);
}

#[test]
fn an_upgrade_lasts_from_its_answer_on() {
    let (opener, waiting) = client::door();
    let limits = Limits::public().shutdown(Duration::ZERO);
    let server = client::serve_with(limits, move |mut request| {
        let (upgraded, waiting) = (upgrade::on(&mut request), waiting.clone());
        spawn_task!(async { echoed(upgraded.await.unwrap()).await }).detach();
        async move {
            waiting.wait().await;
            Ok(switching())
        }
    });
    let mut client = server.connect();
    client.send(asking("/"));
    opener.wait_for_a_handler();
    let answered = Instant::now();
    opener.open();
    assert_switched(&mut client);
    let report = server.end();
    assert!(report.cut[0].since >= answered, "{report}");
}

#[test]
fn the_first_call_alone_gets_the_upgrade() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/twice"));
    assert_eq!(heard(&told), "Some(NotAsked)");
    assert_switched(&mut client);
    assert_echoes(&mut client, b"hello");
}

#[test]
fn a_task_that_has_said_all_of_its_part_may_still_read() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/closes"));
    assert_switched(&mut client);
    assert_eq!(client.closed(), "bye");
    client.send("and so on");
    finish(&client);
    assert_eq!(heard(&told), "and so on");
    assert_nothing_left(&server);
}

#[test]
fn a_client_may_end_its_part_after_the_end_has_begun() {
    let (server, told) = served(Limits::public().shutdown(WATCHDOG));
    let mut client = server.connect();
    client.send(asking("/echo"));
    assert_switched(&mut client);
    server.handle.shutdown();
    assert_echoes(&mut client, b"hello");
    finish(&client);
    assert_eq!(heard(&told), "echoed 5");
    assert!(server.end().is_clean());
}

#[test]
fn tasks_learn_of_the_end_and_say_goodbye() {
    let (server, told) = served(Limits::public().shutdown(WATCHDOG));
    let mut client = server.connect();
    client.send(asking("/goodbye"));
    assert_switched(&mut client);
    server.handle.shutdown();
    assert_eq!(client.closed(), "bye");
    drop(client);
    assert_eq!(heard(&told), "gone");
    let report = server.end();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.served, report.finished), (1, 1));
}

#[test]
fn the_shutdown_of_the_runtime_is_told_as_well() {
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send(asking("/goodbye"));
    assert_switched(&mut client);
    let report = server.runtime.shutdown(WATCHDOG);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (client.closed().as_str(), heard(&told).as_str()),
        ("bye", "gone")
    );
}

#[test]
fn at_the_deadline_an_upgraded_connection_is_cut_off_and_named() {
    let deadline = Duration::from_millis(50);
    let (server, told) = served(Limits::public().shutdown(deadline));
    let mut client = server.connect();
    client.send(asking("/echo?a=b"));
    let asked = Instant::now();
    assert_switched(&mut client);
    let mut tunnel = server.connect();
    tunnel.send("CONNECT tunnel:443 HTTP/1.1\r\nHost: tunnel:443\r\n\r\n");
    tunnel.head();
    assert_echoes(&mut client, b"hello");
    let peer = client.stream.local_addr().unwrap();
    // The runtime goes on after the server's end, so that the tasks learn of it.
    let Served {
        runtime,
        handle,
        serving,
        ..
    } = server;
    handle.shutdown();
    let report = runtime.block_on(serving);
    assert_eq!(client.closed(), "");
    let kinds = [heard(&told), heard(&told)];
    assert_eq!(kinds, ["ConnectionAborted", "ConnectionAborted"]);
    drop(runtime);

    assert_eq!(report.cut.len(), 2, "{report}");
    let cut = &report.cut[0];
    assert_eq!((cut.peer, cut.doing), (peer, Doing::Upgraded));
    assert_eq!(cut.method, Some(Method::GET));
    assert_eq!(cut.path.as_deref(), Some("/echo"));
    assert!(cut.since <= Instant::now() && cut.since >= asked - WATCHDOG);
    let text = report.to_string();
    assert!(
        text.contains(&format!("{peer}: GET /echo was upgraded")),
        "{text}"
    );
    assert!(text.contains("CONNECT tunnel:443 was upgraded"), "{text}");
}

#[test]
fn no_upgrade_is_agreed_to_once_the_end_has_begun() {
    let (opener, waiting) = client::door();
    let (teller, told) = channel();
    let server = client::serve_with(Limits::public(), move |mut request| {
        let (waiting, teller) = (waiting.clone(), teller.clone());
        async move {
            let upgraded = upgrade::on(&mut request);
            let task = async move { teller.send(format!("{:?}", upgraded.await.err())) };
            spawn_task!(task, Priority::High).detach();
            waiting.wait().await;
            Ok(switching())
        }
    });
    let mut client = server.connect();
    client.send(asking("/"));
    opener.wait_for_a_handler();
    server.handle.shutdown();
    opener.open();
    let (head, _) = client.answer();
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(client.closed(), "");
    assert_eq!(heard(&told), "Some(Refused)");
    assert!(server.end().is_clean());
}

#[test]
fn the_upgrade_of_a_low_route_may_be_low() {
    let service = low(service_fn(async |mut request: Request<RequestBody>| {
        let upgraded = upgrade::on(&mut request);
        let task = async { echoed(upgraded.await.unwrap()).await };
        spawn_task!(task, Priority::Low).detach();
        Ok::<_, Infallible>(switching())
    }));
    let runtime = Runtime::builder().build().unwrap();
    let server = client::serve_service(runtime, Limits::public(), service);
    let mut client = server.connect();
    client.send(asking("/"));
    assert_switched(&mut client);
    assert_echoes(&mut client, b"hello");
    assert_eq!(server.runtime.metrics().queues[1].spawned, 2);
}

#[test]
fn the_access_log_has_the_answer_and_the_end() {
    LINES.collect();
    let (server, told) = served(Limits::public());
    let mut client = server.connect();
    client.send("CONNECT tunnel:443 HTTP/1.1\r\nHost: tunnel:443\r\n\r\n");
    client.head();
    let peer = client.stream.local_addr().unwrap();
    let of_peer = || {
        let lines = LINES.all();
        let lines = lines
            .iter()
            .filter(|line| line.starts_with(&peer.to_string()));
        lines.cloned().collect::<Vec<_>>()
    };
    wait_until("the answer is told", || of_peer().len() == 1);
    assert!(of_peer()[0].starts_with(&format!("{peer} CONNECT tunnel:443 200 ")));
    drop(client);
    heard(&told);
    wait_until("the end is told", || of_peer().len() == 2);
    assert!(of_peer()[1].starts_with(&format!("{peer} CONNECT tunnel:443 upgraded ")));
}

/// Answers with WebSocket's 101, and sends each message back.
async fn websocket(
    mut request: Request<RequestBody>,
) -> Result<Response<String>, tungstenite::Error> {
    let upgraded = upgrade::on(&mut request);
    let answer = create_response(&request.map(|_| ()))?;
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
    Ok(answer.map(|()| String::new()))
}

#[test]
fn async_tungstenite_speaks_over_an_upgrade() {
    let service = service_fn(async |request| match websocket(request).await {
        Ok(answer) => Ok::<_, Infallible>(answer),
        Err(error) => {
            let mut answer = Response::new(error.to_string());
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            Ok(answer)
        }
    });
    let runtime = Runtime::builder().build().unwrap();
    let server = client::serve_service(runtime, Limits::public(), service);
    let address = server.address;
    let talk = async move {
        let stream = TcpStream::connect(address).await?;
        let url = format!("ws://{address}/");
        let (mut socket, _) = async_tungstenite::client_async(url, stream).await?;
        for length in [0, 1, 70_000, 2_000_000] {
            let message = Message::binary(vec![7; length]);
            socket.send(message.clone()).await?;
            assert!(socket.next().await.unwrap()? == message, "{length}");
        }
        socket.close(None).await?;
        while socket.next().await.is_some() {}
        Ok::<_, tungstenite::Error>(())
    };
    let talking = server.runtime.spawn(talk, Priority::High);
    let late = async {
        sleep(WATCHDOG).await;
        panic!("the talk has no end")
    };
    server.runtime.block_on(talking.or(late)).unwrap();
    assert_nothing_left(&server);
    // A request that is no WebSocket's.
    let mut client = server.connect();
    client.send(asking("/"));
    assert!(client.head().starts_with("http/1.1 400 "));
}

#[test]
fn resets_at_every_moment_leave_nothing_behind() {
    let (server, told) = served(Limits::public());
    let bytes = asking("/echo") + "some bytes";
    for length in 0..=bytes.len() {
        let mut client = server.connect();
        client.send(&bytes[..length]);
        reset(&server, client);
    }
    assert_nothing_left(&server);
    drop(told);
    assert_eq!(server.end().cut.len(), 0);
}
