//! What becomes of bodies that stall, trickle, are too large, or that nothing reads?

mod client;

use std::io::Read;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use client::{Client, Closed, Served, get, post, serve_service, serve_with, served};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use laneway::Runtime;
use laneway_http::Limits;

#[test]
fn hyper_2864_a_body_that_stalls_is_timed_out() {
    let server = served(Limits::public().body_stall(Duration::from_millis(40)));
    let mut client = server.connect();
    client.send([&post("/echo", 10), "12345"].concat());
    let answer = client.closed();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.end().served, 1);
}

#[test]
fn hyper_2457_a_body_that_trickles_is_timed_out() {
    let limits = Limits::public().body_rate(100_000, Duration::from_millis(60));
    let server = served(limits);
    let mut client = server.connect();
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(2)))
        .unwrap();
    client.send(post("/echo", 100_000));
    let (started, mut answer) = (Instant::now(), [0; 12]);
    // Each wait for an answer is the pause between two bytes.
    while client.stream.read_exact(&mut answer).is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "never timed out"
        );
        client.try_send(b"x");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn a_body_may_come_at_any_rate_where_the_rate_is_zero() {
    const SPAN: Duration = Duration::from_millis(5);
    let runtime = Runtime::builder().with_high_num(1).with_low_num(1);
    let runtime = runtime.build().unwrap();
    let server = client::serve_on(runtime, Limits::public().body_rate(0, SPAN), client::routes);
    let mut client = server.connect();
    client.send([&post("/echo", 10), "12345"].concat());
    client.stream.set_read_timeout(Some(20 * SPAN)).unwrap();
    let waited = client.stream.read(&mut [0]).unwrap_err();
    assert_eq!(waited.kind(), std::io::ErrorKind::WouldBlock);
    let polls = |server: &Served| {
        let queues = server.runtime.metrics().queues;
        queues.iter().map(|queue| queue.polls).sum::<u64>()
    };
    let before = polls(&server);
    let waited = client.stream.read(&mut [0]).unwrap_err();
    assert_eq!(waited.kind(), std::io::ErrorKind::WouldBlock);
    let polls = polls(&server) - before;
    assert!(polls < 20, "{polls} polls while the client is silent");
    client.send("67890");
    assert_eq!(client.answer().1, "1234567890");
}

#[test]
fn each_span_of_a_wait_has_to_be_fast_enough() {
    const SPAN: Duration = Duration::from_millis(80);
    let limits = Limits::public().body_stall(Duration::MAX);
    let server = served(limits.body_rate(50, SPAN));
    let mut client = server.connect();
    let begun = Instant::now();
    client.send([&post("/echo", 10), "12345"].concat());
    let answer = client.closed();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // The first span brought five bytes and the second none.
    assert!(begun.elapsed() >= 2 * SPAN, "{:?}", begun.elapsed());
}

/// The client has sent what it was asked for before the handler looks.
#[test]
fn the_time_of_a_handler_that_has_given_up_a_read_is_none_of_the_clients() {
    const SPAN: Duration = Duration::from_millis(600);
    let limits = Limits::public().body_rate(1000, SPAN);
    let (opener, door) = client::door();
    let server = serve_with(
        limits,
        move |request: http::Request<laneway_http::RequestBody>| {
            let door = door.clone();
            async move {
                let mut body = request.into_body();
                let no_time = laneway::time::timeout(Duration::ZERO, body.frame()).await;
                assert!(no_time.is_err(), "nothing has come yet");
                door.wait().await;
                let answer = match body.collect().await {
                    Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
                    Err(error) => error.to_string(),
                };
                Ok(Response::new(answer))
            }
        },
    );
    let mut client = server.connect();
    client.send(post("/", 10));
    opener.wait_for_a_handler();
    client.send("12345");
    // The door stays shut for longer than the span.
    client.stream.set_read_timeout(Some(2 * SPAN)).unwrap();
    client.stream.read(&mut [0]).unwrap_err();
    opener.open();
    // The next wait has begun long before its own span is over.
    client.stream.set_read_timeout(Some(SPAN / 4)).unwrap();
    client.stream.read(&mut [0]).unwrap_err();
    client.send("67890");
    client.stream.set_read_timeout(None).unwrap();
    assert_eq!(client.answer().1, "1234567890");
}

#[test]
fn a_body_that_is_too_large_is_refused_when_it_is_read() {
    let server = served(Limits::public().body_bytes(1000));
    let mut client = server.connect();
    client.send([&post("/echo", 1001), "1"].concat());
    assert!(client.closed().starts_with("HTTP/1.1 413 "));
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("200\r\n{}\r\n", "x".repeat(0x200));
    client.send([&chunk, &chunk[..]].concat());
    assert!(client.closed().starts_with("HTTP/1.1 413 "));
    let mut client = server.connect();
    client.send([&post("/echo", 1000), &"x".repeat(1000)[..]].concat());
    assert_eq!(client.answer().1.len(), 1000);
}

/// hyper takes all that follows for trailers, to the next empty line: here, another request.
#[test]
fn a_line_feed_alone_among_trailers_is_malformed_and_swallows_no_request() {
    let server = served(Limits::public());
    for trailers in ["\n", "A: b\n\r\n", "A: b\r\n\n"] {
        let mut client = server.connect();
        let body = format!("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailers}");
        let head = "POST /echo HTTP/1.1\r\nHost: test\r\n";
        client.send([head, &body, &get("/")].concat());
        let answer = client.closed();
        assert!(
            answer.ends_with("the body broke off or is malformed"),
            "{trailers:?}: {answer}"
        );
    }
}

#[test]
fn a_service_that_refuses_a_body_as_the_server_does_may_say_why() {
    let server = serve_with(Limits::public().body_bytes(1000), async |request| {
        let error = request.into_body().collect().await.unwrap_err();
        let mut answer = Response::new(error.to_string());
        *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        Ok(answer)
    });
    let mut client = server.connect();
    client.send([&post("/", 1001), "1"].concat());
    let answer = client.closed();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("larger than the server takes"), "{answer}");
}

#[test]
fn an_answer_arrives_though_nothing_reads_the_body_of_10_mb() {
    const LENGTH: usize = 10_000_000;
    let server = served(Limits::public().linger(64 * 1024, Duration::from_secs(10)));
    let mut client = server.connect();
    client.send(post("/unread", LENGTH));
    // What the server takes before it has answered and what it drains is less than this.
    let sender = {
        let stream = client.stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut sender = Client { stream };
            (0..LENGTH / 10_000).all(|_| sender.try_send(&[b'x'; 10_000]))
        })
    };
    let (head, body) = client.answer();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "hello");
    assert!(
        !sender.join().unwrap(),
        "the server does not read all of it"
    );
}

/// Sends a large body as long as the server takes it, and reads nothing before. The answer.
#[track_caller]
fn sent_without_reading(server: &Served, path: &str, length: usize) -> (String, String) {
    let mut client = server.connect();
    client.send(post(path, length));
    let _ = (0..length / 10_000).all(|_| client.try_send(&[b'x'; 10_000]));
    client.answer()
}

#[test]
fn hyper_2384_a_large_body_that_is_not_used_breaks_no_pipe_within_the_limit() {
    let server = served(Limits::public().linger(8 * 1024 * 1024, Duration::from_secs(10)));
    let mut client = server.connect();
    client.send(post("/unread", 5_000_000));
    client.send("x".repeat(5_000_000));
    let (head, body) = client.answer();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "hello");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), Closed::After(String::new()));
}

#[test]
fn hyper_2384_a_client_that_waits_for_leave_to_send_a_body_is_answered_without_it() {
    let server = served(Limits::public());
    let mut client = server.connect();
    let expects = "Content-Length: 5000000\r\nExpect: 100-continue\r\n";
    client.send(format!("POST /unread HTTP/1.1\r\nHost: a\r\n{expects}\r\n"));
    let (head, body) = client.answer();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "hello");
    assert_eq!(client.closed(), "");
}

#[test]
fn hyper_3078_a_503_before_the_body_is_read_is_followed_by_no_reset() {
    let server = serve_with(Limits::public(), async |_request| {
        let mut answer = Response::new("busy".to_owned());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Ok(answer)
    });
    let mut client = server.connect();
    client.send([&post("/", 60_000), &"x".repeat(30_000)[..]].concat());
    let (head, body) = client.answer();
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "busy");
    client.send("x".repeat(30_000));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), Closed::After(String::new()));
}

#[test]
fn axum_1703_a_body_beyond_the_limit_of_axum_is_answered_with_413() {
    let handler = axum::routing::post(async |body: Bytes| body.len().to_string());
    let router = Router::new().route("/", handler);
    let limits = Limits::public().body_bytes(16 * 1024 * 1024);
    let limits = limits.linger(8 * 1024 * 1024, Duration::from_secs(10));
    let server = serve_service(Runtime::builder().build().unwrap(), limits, router);
    let mut client = server.connect();
    client.send(post("/", 3_000_000));
    // No broken pipe, though the answer is there before the end of the body.
    client.send("x".repeat(3_000_000));
    let (head, _) = client.answer();
    assert!(head.starts_with("http/1.1 413 "), "{head}");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), Closed::After(String::new()));
    let (head, body) = sent_without_reading(&server, "/", 1_000_000);
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "1000000");
}

#[test]
fn the_rest_of_a_small_body_is_drained_and_the_close_is_in_order() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send(post("/unread", 60_000));
    let (_, body) = client.answer();
    assert_eq!(body, "hello");
    client.send("x".repeat(60_000));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), Closed::After(String::new()));
}

#[test]
fn a_client_that_reads_nothing_of_a_large_answer_is_cut_off() {
    let server = served(Limits::public().write_stall(Duration::from_millis(50)));
    let mut client = server.connect();
    client.send(get("/large"));
    server.wait_until("the connection has begun", |server| {
        server.connections() == 1
    });
    server.wait_until("it is cut off", |server| server.connections() == 0);
    let mut all = Vec::new();
    let _ = client.stream.read_to_end(&mut all);
    assert!(all.len() < client::LARGE, "{} bytes", all.len());
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send([get("/"), post("/echo", 3), "abc".to_owned()].concat());
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.answer().1, "hello");
    assert_eq!(client.answer().1, "abc");
    assert_eq!(client.closed(), "");
}

#[test]
fn a_thousand_requests_in_one_write_are_answered_in_order() {
    let server = served(Limits::public());
    let mut client = server.connect();
    let requests = (0..1000).map(|number| format!("{}{number:04}", post("/echo", 4)));
    client.send(requests.collect::<String>());
    for number in 0..1000 {
        assert_eq!(client.answer().1, format!("{number:04}"));
    }
    assert_eq!(server.end().served, 1000);
}

/// The most requests that one poll of a connection serves.
const IN_ONE_POLL: usize = 32;

#[test]
fn a_client_that_sends_many_requests_at_once_lets_other_tasks_run_between_them() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const REQUESTS: usize = 1000;
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    // One thread has all high tasks, so that the other task runs only between two polls.
    let builder = laneway::Runtime::builder().with_high_num(1).with_low_num(1);
    let runtime = builder
        .with_stealing(laneway::Stealing::None)
        .build()
        .unwrap();
    let server = client::serve_on(runtime, Limits::public(), move |_request| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok(http::Response::new(String::new())) }
    });
    let most = async move {
        let (mut most, mut last) = (0, 0);
        while last < REQUESTS {
            let now = served.load(Ordering::Relaxed);
            most = most.max(now - last);
            last = now;
            laneway::yield_now().await;
        }
        most
    };
    let most = server.runtime.spawn(most, laneway::Priority::High);
    let mut client = server.connect();
    client.send(get("/").repeat(REQUESTS));
    for _ in 0..REQUESTS {
        client.answer();
    }
    let most = laneway::block_on(most);
    assert!((1..=IN_ONE_POLL).contains(&most), "{most} in one poll");
}
