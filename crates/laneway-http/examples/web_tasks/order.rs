//! The order of a client: the body of a POST.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use laneway_http::BodyError;
use serde_json::Value;

use super::failure::Failure;

/// The order of a client: `{"ms": 200, "name": "report", "work": "compute"}`.
pub(crate) struct Order {
    pub(crate) time: Duration,
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Whether the time is computed away or slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Compute,
    Sleep,
}

/// No order takes longer: ten minutes.
const LONGEST_MS: u64 = 600_000;

/// The most characters of a name.
const LONGEST_NAME: usize = 100;

impl<S: Sync> FromRequest<S> for Order {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Order, Failure> {
        check_site(&request)?;
        check_type(&request)?;
        let body = request.into_body().collect().await.map_err(unreadable)?;
        let json = serde_json::from_slice(&body.to_bytes()).map_err(|error| {
            Failure::new(StatusCode::BAD_REQUEST, format!("this is no JSON: {error}"))
        })?;
        Order::read(&json)
            .map_err(|message| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, message))
    }
}

/// A page of another site could start work here by a browser that can reach this server. Browsers
/// tell of it, and other clients have no site.
fn check_site(request: &Request) -> Result<(), Failure> {
    let site = request.headers().get("sec-fetch-site");
    match site.is_none_or(|site| site == "same-origin" || site == "none") {
        true => Ok(()),
        false => Err(Failure::new(
            StatusCode::FORBIDDEN,
            "a page of another site has asked for this: order from this server's own page",
        )),
    }
}

/// A body of no type is taken for JSON. Compressed ones are not read.
fn check_type(request: &Request) -> Result<(), Failure> {
    let fields = request.headers();
    let is_json = |given: &HeaderValue| {
        let name = given.as_bytes().split(|&byte| byte == b';').next();
        let name = name.unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"application/json")
    };
    let is_plain = |given: &HeaderValue| given.as_bytes().eq_ignore_ascii_case(b"identity");
    let message = if !fields.get_all(CONTENT_TYPE).iter().all(is_json) {
        "send JSON, with Content-Type: application/json"
    } else if !fields.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        "send the JSON as it is, without a Content-Encoding"
    } else {
        return Ok(());
    };
    Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// The server has its limits for bodies; why this one broke off stands at the root of the error.
fn unreadable(error: axum::Error) -> Failure {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(BodyError::TooLarge) => {
            let message = format!("the body has more than {} bytes", super::BODY);
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        }
        Some(BodyError::TimedOut) => {
            Failure::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")
        }
        _ => Failure::new(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

impl Order {
    fn read(json: &Value) -> Result<Order, String> {
        if !json.is_object() {
            return Err("an order is an object, such as {\"ms\": 200}".to_owned());
        }
        Ok(Order {
            time: time(&json["ms"])?,
            name: name(&json["name"])?,
            kind: kind(&json["work"])?,
        })
    }
}

fn time(json: &Value) -> Result<Duration, String> {
    match json.as_u64() {
        Some(ms) if ms <= LONGEST_MS => Ok(Duration::from_millis(ms)),
        _ => Err(format!("\"ms\" is a whole number from 0 to {LONGEST_MS}")),
    }
}

fn name(json: &Value) -> Result<String, String> {
    match json {
        Value::Null => Ok("unnamed".to_owned()),
        Value::String(name) if name.chars().count() <= LONGEST_NAME => Ok(name.clone()),
        _ => Err(format!(
            "\"name\" is a text of at most {LONGEST_NAME} characters"
        )),
    }
}

fn kind(json: &Value) -> Result<Kind, String> {
    match json {
        Value::Null => Ok(Kind::Compute),
        Value::String(word) if word == "compute" => Ok(Kind::Compute),
        Value::String(word) if word == "sleep" => Ok(Kind::Sleep),
        _ => Err("\"work\" is \"compute\" or \"sleep\"".to_owned()),
    }
}
