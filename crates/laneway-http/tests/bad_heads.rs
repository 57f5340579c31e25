//! What becomes of heads that break the rules, are too large, or never come?

mod client;

use std::time::{Duration, Instant};

use client::{get, serve_with, served};
use http::header::HOST;
use http::{Request, Response};
use laneway_http::{Limits, RequestBody};

/// Sends a head, and a good request before it on the same connection: the good one is answered, the
/// other refused with this status, and the connection closed in order.
#[track_caller]
fn assert_refused(head: &str, status: u16) {
    let server = served(Limits::public());
    for before in ["", &get("/")] {
        let mut client = server.connect();
        client.send([before, head].concat());
        if !before.is_empty() {
            assert_eq!(client.answer().1, "hello");
        }
        let answer = client.closed();
        let start = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&start), "{head:.80}: {answer:?}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
    }
    assert!(server.end().is_clean());
}

fn with_fields(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\n{fields}\r\n")
}

#[test]
fn a_request_of_no_place_is_refused() {
    assert_refused(&with_fields(""), 400);
}

#[test]
fn a_request_with_two_hosts_is_refused() {
    assert_refused(&with_fields("Host: a\r\nHost: a\r\n"), 400);
}

#[test]
fn hyper_3777_requests_of_no_place_and_with_two_are_refused_whatever_their_method() {
    for method in ["GET", "POST", "OPTIONS"] {
        for hosts in [
            "",
            "Host: a\r\nHost: b\r\n",
            "Host: a\r\nX: y\r\nhOST:a\r\n",
        ] {
            assert_refused(&format!("{method} / HTTP/1.1\r\n{hosts}\r\n"), 400);
        }
    }
}

#[test]
fn hyper_3857_two_hosts_or_none_are_refused_beside_a_length() {
    let hosts = "Host: victim1.com\r\nHost: victim2.com\r\n";
    assert_refused(&format!("POST / HTTP/1.1\r\n{hosts}\r\n"), 400);
    assert_refused("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400);
}

#[test]
fn a_target_that_is_not_for_its_method_is_refused() {
    let tunnels = [
        "test",
        "test:",
        "test:0",
        "test:65536",
        ":80",
        "/",
        "*",
        "http://test:80/",
        "test:80/x",
        "u@test:80",
    ];
    let of_tunnels = tunnels.map(|target| ("CONNECT", target));
    let of_servers = ["GET", "HEAD", "POST", "TRACE", "options"].map(|method| (method, "*"));
    let of_no_place =
        ["http://:80/", "://test/", "1a://test/", "*/x", "?x"].map(|target| ("GET", target));
    let all = [&of_tunnels[..], &of_servers, &of_no_place].concat();
    for (method, target) in all {
        assert_refused(
            &format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n"),
            400,
        );
    }
}

#[test]
fn the_server_as_a_whole_may_be_asked_for_its_options() {
    let server = served(Limits::public());
    for target in ["*", "http://test", "/"] {
        let mut client = server.connect();
        client.send(format!("OPTIONS {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.answer().1, "hello", "{target}");
    }
}

#[test]
fn a_limit_may_be_as_large_as_its_number() {
    let most = usize::MAX;
    for limits in [
        Limits::public().head_bytes(most),
        Limits::public().head_fields(most),
        Limits::public()
            .head_bytes(most)
            .head_fields(most)
            .target_bytes(most),
    ] {
        let server = served(limits);
        let mut client = server.connect();
        client.send(get("/"));
        assert_eq!(client.answer().1, "hello");
    }
    let server = served(Limits::public().head_bytes(1024 * 1024).head_fields(most));
    for (fields, status) in [(16_383, 200), (16_384, 431)] {
        let mut client = server.connect();
        let head = format!("Host: test\r\n{}", "a: b\r\n".repeat(fields));
        client.send(with_fields(&head));
        let (answer, _) = client.answer();
        let start = format!("http/1.1 {status} ");
        assert!(answer.starts_with(&start), "{fields} fields: {answer}");
    }
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in [
        "a b",
        "u@a",
        "a/b",
        "a?",
        "a#",
        "a\\b",
        "\"a\"",
        "<a>",
        "ä",
        "a:b",
        "a:1:2",
        "::1",
        "[::1",
        "%",
        "a%2",
        "%zz",
        "[z]",
        "[1.2.3.4]",
    ] {
        assert_refused(&with_fields(&format!("Host: {host}\r\n")), 400);
    }
    let server = served(Limits::public());
    for host in ["", "a", "a:80", "[::1]:80", "127.0.0.1", "xn--a_b.%61"] {
        let mut client = server.connect();
        client.send(with_fields(&format!("Host: {host}\r\n")));
        assert_eq!(client.answer().1, "hello", "{host}");
    }
}

#[test]
fn a_target_that_is_a_whole_uri_names_the_host() {
    let handler = |request: Request<RequestBody>| async move {
        let hosts = request.headers().get_all(HOST).iter();
        let hosts: Vec<_> = hosts.map(|host| host.to_str().unwrap()).collect();
        Ok(Response::new(hosts.join(" ")))
    };
    let server = serve_with(Limits::public(), handler);
    for (head, host) in [
        (
            "GET http://other:81/path HTTP/1.1\r\nHost: test\r\n\r\n",
            "other:81",
        ),
        ("GET http://other HTTP/1.1\r\nHost:\r\n\r\n", "other"),
        ("GET /path HTTP/1.1\r\nHost: test\r\n\r\n", "test"),
        ("GET http://other/ HTTP/1.0\r\n\r\n", "other"),
    ] {
        let mut client = server.connect();
        client.send(head);
        assert_eq!(client.answer().1, host, "{head}");
    }
}

#[test]
fn a_target_whose_host_is_none_is_refused() {
    for authority in ["user@test", "user:word@test", "test:port"] {
        let line = format!("GET http://{authority}/ HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_refused(&line, 400);
    }
}

#[test]
fn an_encoding_other_than_chunked_alone_is_refused() {
    for fields in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let head = with_fields(&["Host: a\r\n", fields].concat());
        assert_refused(&[&head, "0\r\n\r\n"].concat(), 400);
    }
}

#[test]
fn a_length_of_all_numbers_is_refused() {
    for length in [u64::MAX, u64::MAX - 1] {
        let fields = format!("Host: a\r\nContent-Length: {length}\r\n");
        assert_refused(&with_fields(&fields), 400);
    }
}

#[test]
fn garbage_that_has_no_end_is_refused_at_once() {
    let head_time = Limits::public().head_time(Duration::MAX);
    let server = served(head_time);
    for garbage in ["\u{16}\u{3}\u{1}\u{2}", "GET\r\n", "G<T /"] {
        let mut client = server.connect();
        client.send(garbage);
        assert!(client.closed().starts_with("HTTP/1.1 400 "), "{garbage:?}");
    }
}

#[test]
fn a_limit_with_which_no_request_could_be_served_is_a_panic_that_says_what_to_write() {
    type Set = fn(Limits) -> Limits;
    let second = Duration::from_secs(1);
    let zero: [(&str, &str, Set); 10] = [
        ("first_byte(0)", "Duration::MAX", |it| {
            it.first_byte(Duration::ZERO)
        }),
        ("handshake(0)", "Duration::MAX", |it| {
            it.handshake(Duration::ZERO)
        }),
        ("head_time(0)", "Duration::MAX", |it| {
            it.head_time(Duration::ZERO)
        }),
        ("body_stall(0)", "Duration::MAX", |it| {
            it.body_stall(Duration::ZERO)
        }),
        ("write_stall(0)", "Duration::MAX", |it| {
            it.write_stall(Duration::ZERO)
        }),
        ("body_rate(5, 0)", "a rate of 0", |it| {
            it.body_rate(5, Duration::ZERO)
        }),
        ("head_bytes(255)", "256 or more", |it| it.head_bytes(255)),
        ("head_fields(0)", "1 or more", |it| it.head_fields(0)),
        ("target_bytes(0)", "1 or more", |it| it.target_bytes(0)),
        ("streams(0)", "1 or more", |it| it.streams(0)),
    ];
    for (written, instead, set) in zero {
        let panic = std::panic::catch_unwind(|| set(Limits::public())).unwrap_err();
        let message = panic.downcast::<String>().map_or_else(
            |panic| (*panic.downcast::<&str>().unwrap()).to_owned(),
            |message| *message,
        );
        assert!(message.contains(written), "{message}");
        assert!(message.contains(instead), "{message}");
    }
    let least = Limits::public()
        .connections(0)
        .head_bytes(256)
        .head_fields(1);
    let least = least
        .target_bytes(1)
        .streams(1)
        .body_bytes(0)
        .linger(0, Duration::ZERO);
    let least = least.hibernate(Duration::ZERO).body_rate(0, second);
    let server = served(least);
    let mut client = server.connect();
    client.send(get("/"));
    assert_eq!(client.answer().1, "hello");
}

#[test]
fn a_connection_that_may_not_rest_is_closed_after_its_answer() {
    let server = served(
        Limits::public()
            .idle(Duration::ZERO)
            .shutdown(Duration::ZERO),
    );
    let mut client = server.connect();
    client.send(get("/"));
    assert_eq!(client.answer().1, "hello");
    assert_eq!(client.closed(), "");
}

#[test]
fn times_without_end_are_as_good_as_long_ones() {
    let max = Duration::MAX;
    let limits = Limits::public()
        .first_byte(max)
        .handshake(max)
        .head_time(max)
        .body_stall(max)
        .body_rate(1, max)
        .write_stall(max)
        .idle(max)
        .hibernate(max)
        .linger(1, max)
        .shutdown(max);
    let server = served(limits);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    client.send("hello");
    assert_eq!(client.answer().1, "hello");
    drop(client);
    assert!(server.end().is_clean());
}

#[test]
fn hyper_3860_and_4123_transfer_encoding_beside_a_length_is_refused_in_either_order() {
    let (length, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [[length, chunked].concat(), [chunked, length].concat()] {
        let head = with_fields(&["Host: a\r\n", &fields].concat());
        assert_refused(&[&head, "0\r\n\r\n"].concat(), 400);
    }
}

#[test]
fn two_lengths_are_refused() {
    assert_refused(
        &with_fields("Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n"),
        400,
    );
    assert_refused(
        &with_fields("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n"),
        400,
    );
}

#[test]
fn transfer_encoding_in_version_1_0_is_refused() {
    assert_refused(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    );
}

#[test]
fn a_request_of_version_1_0_needs_no_host() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert!(client.closed().starts_with("HTTP/1.0 200 "));
}

#[test]
fn garbage_a_folded_field_and_a_zero_byte_are_refused() {
    assert_refused("\u{1}\u{2}\u{3}\r\n\r\n", 400);
    assert_refused(&with_fields("Host: a\r\nX: a\r\n b\r\n"), 400);
    assert_refused(&with_fields("Host: a\r\nX: a\0b\r\n"), 400);
}

#[test]
fn a_head_of_64_kb_is_refused() {
    let field = format!("Host: a\r\nX: {}\r\n", "x".repeat(64 * 1024));
    assert_refused(&with_fields(&field), 431);
}

#[test]
fn a_head_of_a_little_more_than_16_kb_is_refused_and_one_of_less_is_not() {
    let of_size = |size: usize| with_fields(&format!("Host: a\r\nX: {}\r\n", "x".repeat(size)));
    assert_refused(&of_size(16 * 1024), 431);
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send(of_size(16 * 1024 - 64));
    assert_eq!(client.answer().1, "hello");
}

#[test]
fn the_field_after_the_hundredth_is_refused() {
    let fields =
        |count: usize| with_fields(&["Host: a\r\n", &"X: y\r\n".repeat(count - 1)].concat());
    assert_refused(&fields(101), 431);
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send(fields(100));
    assert_eq!(client.answer().1, "hello");
}

#[test]
fn a_target_of_70_kb_or_of_9_kb_is_refused() {
    assert_refused(&get(&["/", &"x".repeat(70_000)].concat()), 414);
    assert_refused(&get(&["/", &"x".repeat(9_000)].concat()), 414);
}

#[test]
fn a_client_that_says_nothing_is_closed() {
    let server = served(Limits::public().first_byte(Duration::from_millis(30)));
    assert_eq!(server.connect().closed(), "");
    server.wait_until("no connection is left", |server| server.connections() == 0);
}

#[test]
fn hyper_2457_a_head_that_comes_byte_by_byte_is_timed_out_as_a_whole() {
    const TIME: Duration = Duration::from_millis(100);
    let server = served(Limits::public().head_time(TIME));
    let mut client = server.connect();
    let started = Instant::now();
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(2)))
        .unwrap();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    let mut answer = [0; 12];
    // Each wait for an answer is the pause between two bytes.
    while std::io::Read::read_exact(&mut client.stream, &mut answer).is_err() {
        assert!(started.elapsed() < 100 * TIME, "never timed out");
        client.try_send(b"x");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(started.elapsed() >= TIME);
}

#[test]
fn a_second_head_has_its_own_time() {
    let server = served(Limits::public().head_time(Duration::from_millis(50)));
    let mut client = server.connect();
    client.send(get("/"));
    client.answer();
    client.send("GET / HT");
    assert!(client.closed().starts_with("HTTP/1.1 408 "));
}

#[test]
fn hyper_1628_a_connection_that_rests_too_long_is_closed() {
    for hibernate in [Duration::from_millis(1), Duration::from_secs(60)] {
        let limits = Limits::public()
            .idle(Duration::from_millis(40))
            .hibernate(hibernate);
        let server = served(limits);
        let mut client = server.connect();
        client.send(get("/"));
        client.answer();
        assert_eq!(client.closed(), "");
    }
}
