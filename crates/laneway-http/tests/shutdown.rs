//! Does a shutdown let requests finish, keep its deadline, and name what it cuts off?

mod client;

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::{Client, door, get, post, serve_with, served};
use laneway_http::{Doing, Limits};

/// The time of a head that stays half. Long enough for a test to see that it has begun, and far
/// shorter than the end may take.
const HEAD_TIME: Duration = Duration::from_secs(1);

#[test]
fn a_request_that_has_begun_is_answered_and_told_that_it_was_the_last() {
    let (opener, waiting) = door();
    let server = serve_with(Limits::public(), move |_request| {
        let waiting = waiting.clone();
        async move {
            waiting.wait().await;
            Ok(http::Response::new("late".to_owned()))
        }
    });
    let mut busy = server.connect();
    let mut idle = server.connect();
    busy.send(get("/late"));
    opener.wait_for_a_handler();
    server.wait_until("both are there", |server| server.connections() == 2);
    server.handle.shutdown();
    assert_eq!(idle.closed(), "");
    opener.open();
    let (head, body) = busy.answer();
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(body, "late");
    assert_eq!(busy.closed(), "");
    let address = server.address;
    let report = server.end();
    assert_eq!(
        (report.served, report.idle_closed, report.finished),
        (1, 1, 1)
    );
    assert!(report.is_clean(), "{report}");
    assert!(
        TcpStream::connect(address).is_err(),
        "the listener is closed"
    );
}

#[test]
fn hyper_3188_axum_991_and_2611_connections_that_clients_keep_for_later_do_not_hold_up_the_end() {
    let server = served(Limits::public().shutdown(Duration::MAX));
    let mut unused = server.connect();
    let mut used = server.connect();
    used.send(get("/"));
    assert_eq!(used.answer().1, "hello");
    server.wait_until("both rest", |server| {
        server.prometheus().contains("state=\"idle\"} 2")
    });
    let begun = Instant::now();
    let report = server.end();
    // Without a shutdown, one that never said anything is closed after 10 s, and the other after 60.
    assert!(begun.elapsed() < Duration::from_secs(5), "{report}");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.served, report.idle_closed), (1, 2));
    assert_eq!(
        (unused.closed(), used.closed()),
        (String::new(), String::new())
    );
}

/// A connection whose first bytes may be those of HTTP/2, or of HTTP/1.
#[test]
fn hyper_3576_a_client_whose_protocol_is_not_known_yet_does_not_hold_up_the_end() {
    let limits = Limits::public().shutdown(Duration::MAX);
    let server = served(limits.head_time(HEAD_TIME));
    let mut silent = server.connect();
    let mut begun = server.connect();
    begun.send("PRI * HT");
    server.wait_until("one has begun, and one has not", |server| {
        let text = server.prometheus();
        text.contains("state=\"busy\"} 1") && text.contains("state=\"idle\"} 1")
    });
    let started = Instant::now();
    let report = server.end();
    assert!(started.elapsed() < Duration::from_secs(5), "{report}");
    assert_eq!(
        (silent.closed(), begun.closed()),
        (String::new(), String::new())
    );
}

#[test]
fn axum_3478_a_head_that_stays_half_does_not_hold_up_the_end() {
    let limits = Limits::public().shutdown(Duration::MAX);
    let server = served(limits.head_time(HEAD_TIME));
    let halves = ["GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX: "];
    let mut clients = halves.map(|half| {
        let mut client = server.connect();
        client.send(half);
        client
    });
    server.wait_until("both have begun", |server| {
        server.prometheus().contains("state=\"busy\"} 2")
    });
    let started = Instant::now();
    let report = server.end();
    assert!(started.elapsed() < Duration::from_secs(5), "{report}");
    for client in &mut clients {
        let answer = client.closed();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[test]
fn a_head_that_has_begun_is_waited_for() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n");
    server.wait_until("the head has begun", |server| {
        server.prometheus().contains("state=\"busy\"} 1")
    });
    server.handle.shutdown();
    client.send("Host: a\r\n\r\n");
    let (head, body) = client.answer();
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(body, "hello");
    assert_eq!(server.end().finished, 1);
}

#[test]
fn the_shutdown_of_the_runtime_ends_the_server() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send(get("/"));
    client.answer();
    let report = server.runtime.shutdown(Duration::from_secs(10));
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(client.closed(), "");
    let report = laneway::block_on(server.serving);
    assert_eq!(
        (report.served, report.idle_closed + report.finished),
        (1, 1)
    );
}

#[test]
fn a_server_that_is_dropped_cuts_its_connections_off() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send(get("/never"));
    server.wait_until("it has begun", |server| server.connections() == 1);
    laneway::block_on(server.serving.cancel());
    client.rest();
    client::wait_until("no connection is left", || server.handle.connections() == 0);
}

/// All that keeps a connection from its end, and what the report says of it.
fn bad_clients(server: &client::Served) -> Vec<(Client, Doing, Option<&'static str>)> {
    let sends = |bytes: String, doing, path| {
        let mut client = server.connect();
        client.send(bytes);
        (client, doing, path)
    };
    // One that does not close. It was busy before it was refused.
    let mut refused = sends("GET / HTTP/1.1\r\n\r\n".to_owned(), Doing::Closing, None);
    refused.0.answer();
    let mut clients = vec![
        sends("GET /half".to_owned(), Doing::ReadingHead, None),
        sends(post("/echo", 10), Doing::ReadingBody, Some("/echo")),
        sends(get("/never"), Doing::Handling, Some("/never")),
        refused,
        sends(get("/never").repeat(1000), Doing::Handling, Some("/never")),
    ];
    let mut large = sends(get("/large"), Doing::Answering, Some("/large"));
    large
        .0
        .stream
        .read_exact(&mut [0; 12])
        .expect("its answer has begun");
    clients.push(large);
    let all = clients.len();
    server.wait_until("all are busy", |server| {
        server
            .prometheus()
            .contains(&format!("state=\"busy\"}} {all}"))
    });
    clients
}

#[test]
fn the_deadline_holds_with_every_bad_client_and_the_report_names_them() {
    // Long enough for each request to come to where it is cut off.
    const DEADLINE: Duration = Duration::from_millis(300);
    let limits = Limits::public()
        .shutdown(DEADLINE)
        .linger(64 * 1024, Duration::from_secs(60));
    let late = |_round| {
        let server = served(limits.clone());
        let clients = bad_clients(&server);
        let _silent = server.connect();
        let expected: HashSet<_> = clients
            .iter()
            .map(|(client, doing, path)| {
                (
                    client.stream.local_addr().unwrap(),
                    *doing,
                    path.map(str::to_owned),
                )
            })
            .collect();
        let begun = Instant::now();
        let report = server.end();
        let took = begun.elapsed();
        let cut = report
            .cut
            .iter()
            .map(|cut| (cut.peer, cut.doing, cut.path.clone()));
        assert_eq!(cut.collect::<HashSet<_>>(), expected, "{report}");
        // A client is busy from its first byte, and its request may begin a little later.
        assert!(report.cut.iter().all(|cut| cut.since < begun + DEADLINE));
        assert!(took >= DEADLINE);
        took - DEADLINE
    };
    // Another program may have the cores in one round, and hardly in each of them.
    let mut rounds = (0..20).map(late);
    let is_in_time = rounds.any(|late| late < Duration::from_millis(50));
    assert!(is_in_time, "late in each round");
}
