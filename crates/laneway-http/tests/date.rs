//! Does every answer say when it was made?

mod client;

use client::h2::HEADERS;
use client::{get, h2, post, serve_with, served};
use http::Response;
use laneway_http::Limits;

#[test]
fn of_a_service_and_of_the_server_itself() {
    let server = served(Limits::public().body_bytes(10));
    for (status, request) in [
        ("200", get("/")),
        ("413", post("/echo", 11)),
        ("414", get(&"x".repeat(9_000))),
        ("400", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("400", "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
    ] {
        let mut client = server.connect();
        client.send(request);
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = client.closed();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert_eq!(answer.matches("\r\ndate: ").count(), 1, "{answer}");
        assert!(answer.contains(" GMT\r\n"), "{answer}");
    }
}

#[test]
fn of_a_service_that_has_its_own_clock() {
    let server = serve_with(Limits::public(), async |_request| {
        let mut answer = Response::new(String::new());
        let date = http::HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");
        answer.headers_mut().insert(http::header::DATE, date);
        Ok(answer)
    });
    let mut client = server.connect();
    client.send(get("/"));
    let (head, _) = client.answer();
    assert_eq!(head.matches("date: ").count(), 1, "{head}");
    assert!(head.contains("date: thu, 01 jan 1970"), "{head}");
}

#[test]
fn in_http2() {
    /// A literal with the name `date` of the static table.
    const DATE: u8 = 0x40 | 33;
    let server = served(Limits::public());
    let mut client = server.connect();
    client.begin_h2(&[]);
    client.send(h2::get(1, "/"));
    let head = client.frame_of(HEADERS, 1);
    assert!(head.payload.contains(&DATE), "{head:?}");
}
