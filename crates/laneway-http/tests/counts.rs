//! What do the metrics and the access log say of requests and connections?

mod access_log;
mod client;

use access_log::LINES;
use client::{get, serve_with, wait_until};
use http::{Response, StatusCode};
use laneway_http::{Limits, Route};

#[test]
fn each_request_is_counted_by_its_route_and_told_to_the_log() {
    LINES.collect();
    let server = serve_with(Limits::public(), async |request| {
        let mut answer = Response::new(String::new());
        match request.uri().path() {
            "/a" => drop(answer.extensions_mut().insert(Route::named("/{name}"))),
            _ => *answer.status_mut() = StatusCode::NOT_FOUND,
        }
        Ok(answer)
    });
    let mut client = server.connect();
    for path in ["/a?secret", "/a", "/none"] {
        client.send(get(path));
        client.answer();
    }
    let peer = client.stream.local_addr().unwrap().to_string();
    // The other test of this file is told to the same log.
    let of_peer = || {
        let lines = LINES.all();
        let lines = lines.iter().filter(|line| line.starts_with(&peer));
        lines.cloned().collect::<Vec<_>>()
    };
    wait_until("all are told", || of_peer().len() == 3);
    wait_until("the connection rests", || {
        server
            .handle
            .prometheus()
            .contains("laneway_http_connections{state=\"idle\"} 1\n")
    });
    let text = server.handle.prometheus();
    for line in [
        "laneway_http_requests_total{route=\"/{name}\",status=\"2xx\"} 2\n",
        "laneway_http_requests_total{route=\"other\",status=\"4xx\"} 1\n",
        "laneway_http_request_seconds_count{route=\"/{name}\"} 2\n",
        "laneway_http_request_seconds_bucket{route=\"/{name}\",le=\"+Inf\"} 2\n",
        "laneway_http_connections{state=\"busy\"} 0\n",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let lines = of_peer();
    assert!(
        lines[0].starts_with(&format!("{peer} GET /a 200 ")),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with(&format!("{peer} GET /none 404 ")),
        "{lines:?}"
    );
}

#[test]
fn routes_beyond_the_bound_count_as_other() {
    let server = serve_with(Limits::public(), async |request| {
        let mut answer = Response::new(String::new());
        let name = request.uri().path().to_owned();
        answer.extensions_mut().insert(Route::named(name));
        Ok(answer)
    });
    let mut client = server.connect();
    for number in 0..300 {
        client.send(get(&format!("/{number}")));
        client.answer();
    }
    let other = "laneway_http_requests_total{route=\"other\",status=\"2xx\"} 44\n";
    wait_until("all are counted", || {
        server.handle.prometheus().contains(other)
    });
}
