//! Does an answer of a service that HTTP does not allow do no harm?
//!
//! A content where none may be, or one that is not as long as the answer says, would be taken for
//! the next answer; and one that promises another protocol cannot be kept.

mod client;

use std::convert::Infallible;

use client::h2::{END_HEADERS, END_STREAM, HEADERS, METHOD_GET, RST_STREAM, fields, frame};
use client::{Client, Closed, Served, get, h2, serve_service, serve_with};
use futures_lite::stream;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use laneway::Runtime;
use laneway_http::{Limits, RequestBody, service_fn};

/// `/status/N` answers with this status, as the host `status.N` does, and `/status/N/LENGTH` says
/// that its content has N bytes, as `/length/N` does. `/chunked` says that it is chunked as well,
/// `/version` says that it is of HTTP/3. The content is `four`.
async fn answer(request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut answer = Response::new("four".to_owned());
    if let Some(status) = request
        .uri()
        .host()
        .and_then(|host| host.strip_prefix("status."))
    {
        *answer.status_mut() = status.parse().unwrap();
    }
    match path.trim_start_matches('/').split_once('/') {
        Some(("status", status)) => {
            let (status, length) = status.split_once('/').unwrap_or((status, ""));
            *answer.status_mut() = status.parse().unwrap();
            for length in length.split_terminator('/') {
                let length = length.parse().unwrap();
                answer.headers_mut().append(CONTENT_LENGTH, length);
            }
        }
        Some(("length", length)) => {
            let length = length.parse().unwrap();
            answer.headers_mut().insert(CONTENT_LENGTH, length);
        }
        _ if path == "/version" => *answer.version_mut() = Version::HTTP_3,
        _ if path == "/chunked" => {
            let headers = answer.headers_mut();
            headers.insert("transfer-encoding", "chunked".parse().unwrap());
            headers.insert(CONTENT_LENGTH, "4".parse().unwrap());
        }
        _ => {}
    }
    Ok(answer)
}

fn served() -> Served {
    serve_with(Limits::public(), answer)
}

/// Asks in HTTP/1, and then for another answer on the same connection. The status of the first.
#[track_caller]
fn asked(client: &mut Client, path: &str) -> String {
    client.send([get(path), get("/")].concat());
    let (head, _body) = client.answer();
    let (other, body) = client.answer();
    assert!(other.starts_with("http/1.1 200 "), "after {path}: {other}");
    assert_eq!(body, "four", "after {path}");
    head.split(' ').nth(1).unwrap().to_owned()
}

/// Asks in HTTP/2 by these fields. The status and content, after an answer that begins in order.
#[track_caller]
fn asked_h2(client: &mut Client, stream: u32, fields: &[u8]) -> (u16, String) {
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields));
    client.h2_answer(stream)
}

fn head_of(path: &str) -> Vec<u8> {
    let literal = [&[0x02, 4][..], b"HEAD"].concat();
    [&literal, &fields(METHOD_GET, path)[1..]].concat()
}

#[test]
fn an_answer_in_http2_to_head_has_no_content() {
    let server = served();
    let mut client = server.connect();
    client.begin_h2(&[]);
    assert_eq!(
        asked_h2(&mut client, 1, &head_of("/")),
        (200, String::new())
    );
    // It may tell the length of another content than its own.
    let other = asked_h2(&mut client, 3, &head_of("/length/9"));
    assert_eq!(other, (200, String::new()));
    client.send(h2::get(5, "/"));
    assert_eq!(client.h2_answer(5), (200, "four".to_owned()));
}

#[test]
fn an_answer_in_http2_of_204_or_304_has_no_content() {
    let server = served();
    let mut client = server.connect();
    client.begin_h2(&[]);
    for (stream, status) in [(1, 204), (3, 304)] {
        client.send(h2::get(stream, &format!("/status/{status}")));
        assert_eq!(client.h2_answer(stream), (status, String::new()));
    }
}

/// The heads of answers whose content is left out, each followed by another answer.
#[track_caller]
fn heads(method: &str, paths: &[&str]) -> Vec<String> {
    let server = served();
    let mut client = server.connect();
    let head = |path: &&str| {
        client.send(get(path).replacen("GET", method, 1) + &get("/"));
        let head = client.head();
        let (other, body) = client.answer();
        assert!(other.starts_with("http/1.1 200 "), "after {path}: {other}");
        assert_eq!(body, "four", "after {path}");
        head
    };
    paths.iter().map(head).collect()
}

#[test]
fn a_length_that_is_told_of_an_answer_without_content_does_no_harm() {
    let told = |status: u16| {
        ["", "/4", "/9", "/0", "/x", "/4/9", "/9/9"]
            .map(|length| format!("/status/{status}{length}"))
    };
    for method in ["GET", "HEAD"] {
        let told = told(204);
        for head in heads(method, &told.each_ref().map(|path| &**path)) {
            assert!(head.starts_with("http/1.1 204 "), "{head}");
            assert!(!head.contains("content-length"), "{head}");
        }
    }
    let told_304 = told(304);
    for head in heads("GET", &told_304.each_ref().map(|path| &**path)) {
        assert!(head.starts_with("http/1.1 304 "), "{head}");
        assert!(!head.contains("content-length: x"), "{head}");
    }
    let told_200 = told(200);
    let lengths = ["4", "4", "9", "0", "4", "4", "9"];
    let heads = heads("HEAD", &told_200.each_ref().map(|path| &**path));
    for (head, length) in heads.iter().zip(lengths) {
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let length = format!("\r\ncontent-length: {length}\r\n");
        assert!(head.contains(&length), "{head}: not {length}");
    }
}

#[test]
fn an_answer_of_205_has_no_content() {
    let server = served();
    let mut client = server.connect();
    for path in ["/status/205", "/status/205/4"] {
        client.send([get(path), get("/")].concat());
        let (head, body) = client.answer();
        assert!(head.starts_with("http/1.1 205 "), "{head}");
        assert_eq!(body, "");
        assert_eq!(client.answer().1, "four");
    }
    let mut client = server.connect();
    client.begin_h2(&[]);
    client.send(h2::get(1, "/status/205"));
    assert_eq!(client.h2_answer(1), (205, String::new()));
}

#[test]
fn a_length_that_is_not_that_of_the_content_is_500() {
    let server = served();
    let mut client = server.connect();
    let mut h2_client = server.connect();
    h2_client.begin_h2(&[]);
    for (stream, length) in [(1, "9"), (3, "2"), (5, "x"), (7, "+4"), (9, "0")] {
        let path = format!("/length/{length}");
        assert_eq!(asked(&mut client, &path), "500", "a length of {length}");
        h2_client.send(h2::get(stream, &path));
        let answer = h2_client.h2_answer(stream);
        assert_eq!(answer, (500, String::new()), "a length of {length}");
    }
    assert_eq!(asked(&mut client, "/length/4"), "200");
    assert_eq!(asked(&mut client, "/chunked"), "500");
}

#[test]
fn a_stream_that_has_not_the_told_length_is_cut_off() {
    let stream = service_fn(async |request: Request<RequestBody>| {
        let length = request.uri().path()[1..].parse().unwrap();
        let frames = ["ab", "cd"].map(|data| Ok::<_, Infallible>(Frame::data(Bytes::from(data))));
        let mut answer = Response::new(StreamBody::new(stream::iter(frames)));
        answer.headers_mut().insert(CONTENT_LENGTH, length);
        Ok::<_, Infallible>(answer)
    });
    let runtime = Runtime::builder().build().unwrap();
    let server = serve_service(runtime, Limits::public(), stream);
    let mut client = server.connect();
    client.begin_h2(&[]);
    for (stream, length) in [(1, 9), (3, 2), (5, 3), (7, 0)] {
        client.send(h2::get(stream, &format!("/{length}")));
        client.frame_of(RST_STREAM, stream);
    }
    client.send(h2::get(9, "/4"));
    assert_eq!(client.h2_answer(9), (200, "abcd".to_owned()));
    // hyper does not ask for more than was told, after a piece that ends there.
    for (length, content) in [(9, "abcd"), (3, "ab")] {
        let mut client = server.connect();
        client.send(get(&format!("/{length}")));
        let (Closed::After(answer) | Closed::Reset(answer)) = client.rest();
        let sent = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(content.starts_with(sent), "a length of {length}: {answer}");
    }
    let mut client = server.connect();
    client.send([get("/4"), get("/4")].concat());
    assert_eq!(
        (client.answer().1, client.answer().1),
        ("abcd".into(), "abcd".into())
    );
}

#[test]
fn an_answer_that_announces_another_one_is_500() {
    let server = served();
    let mut client = server.connect();
    let mut h2_client = server.connect();
    h2_client.begin_h2(&[]);
    for (stream, status) in [(1, 100), (3, 103), (5, 199)] {
        let path = format!("/status/{status}");
        assert_eq!(asked(&mut client, &path), "500", "{status}");
        h2_client.send(h2::get(stream, &path));
        assert_eq!(h2_client.h2_answer(stream), (500, String::new()));
    }
}

#[test]
fn an_answer_that_switches_the_protocol_is_501_and_the_connection_goes_on() {
    let server = served();
    assert_eq!(asked(&mut server.connect(), "/status/101"), "501");
    let mut client = server.connect();
    client.begin_h2(&[]);
    client.send(h2::get(1, "/status/101"));
    assert_eq!(client.h2_answer(1), (501, String::new()));
}

#[test]
fn an_answer_to_connect_is_the_last_one_of_its_connection_or_stream() {
    let server = served();
    let mut client = server.connect();
    // Nothing waits for the connection, which ends.
    client.send("CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n");
    assert!(client.closed().starts_with("HTTP/1.1 200 "));
    let mut client = server.connect();
    client.send("CONNECT status.405:443 HTTP/1.1\r\nHost: test:443\r\n\r\n");
    let answer = client.closed();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.ends_with("four"), "{answer}");
    let mut client = server.connect();
    client.begin_h2(&[]);
    let method = [&[0x02, 7][..], b"CONNECT"].concat();
    let authority = [&[0x01, 8][..], b"test:443"].concat();
    let fields = [method, authority].concat();
    for stream in [1, 3] {
        let answer = asked_h2(&mut client, stream, &fields);
        assert_eq!(answer, (200, String::new()));
    }
}

#[test]
fn an_answer_in_version_1_0_that_ends_with_its_connection_says_so() {
    let stream = service_fn(async |_request: Request<RequestBody>| {
        let frames = ["ab", "cd"].map(|data| Ok::<_, Infallible>(Frame::data(Bytes::from(data))));
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let runtime = Runtime::builder().build().unwrap();
    let server = serve_service(runtime, Limits::public(), stream);
    let answer = kept(&server, "GET /", "");
    assert!(answer.ends_with("\r\n\r\nabcd"), "{answer}");
    // The service's word and a refusal count as well.
    let server = serve_with(
        Limits::public().body_bytes(1),
        async |request: Request<RequestBody>| {
            let close = request.uri().path() == "/close";
            let _ = request.into_body().collect().await;
            let mut answer = Response::new("four".to_owned());
            if close {
                answer
                    .headers_mut()
                    .insert("connection", "close".parse().unwrap());
            }
            Ok(answer)
        },
    );
    let closed = kept(&server, "GET /close", "");
    assert!(
        closed.starts_with("http/1.0 200 ") && closed.ends_with("four"),
        "{closed}"
    );
    assert!(kept(&server, "POST /", "four").starts_with("http/1.0 413 "));
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(client.head().contains("connection: keep-alive"));
}

/// The whole answer to a client of HTTP/1.0 that wants the connection to be kept, and is told that
/// it is not.
#[track_caller]
fn kept(server: &Served, asked: &str, body: &str) -> String {
    let mut client = server.connect();
    let length = body.len();
    let fields = format!("Connection: keep-alive\r\nContent-Length: {length}");
    client.send(format!("{asked} HTTP/1.0\r\n{fields}\r\n\r\n{body}"));
    let answer = client.closed().to_ascii_lowercase();
    assert!(!answer.contains("keep-alive"), "{answer}");
    answer
}

#[test]
fn an_answer_has_the_version_of_its_connection() {
    let server = served();
    assert_eq!(asked(&mut server.connect(), "/version"), "200");
}
