//! The answers of all servers: a plain text, JSON, and a text that takes long.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;

pub(crate) const HELLO: &str = "Hello, World!";

/// The answer of a function.
pub(crate) async fn answer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (kind, body) = match request.uri().path() {
        "/json" => ("application/json", Bytes::from(json())),
        "/long" => ("text/plain; charset=utf-8", Bytes::from_static(long())),
        _ => (
            "text/plain; charset=utf-8",
            Bytes::from_static(HELLO.as_bytes()),
        ),
    };
    let mut answer = Response::new(Full::new(body));
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

/// The same by axum.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || HELLO))
        .route("/long", get(async || long()))
        .route(
            "/json",
            get(async || ([(CONTENT_TYPE, "application/json")], json())),
        )
}

/// The text, after 20 ms of computing without a pause.
pub(crate) fn long() -> &'static [u8] {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(20) {}
    HELLO.as_bytes()
}

fn json() -> String {
    serde_json::json!({ "message": HELLO }).to_string()
}
