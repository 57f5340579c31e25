//! The answers that a server gives by itself, before a request reaches its service.

use std::time::SystemTime;

use http::StatusCode;
use httpdate::HttpDate;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The head breaks a rule of HTTP.
    Malformed,
    HeadTooLarge,
    TargetTooLong,
    /// The client took too long.
    TimedOut,
    BodyTooLarge,
    /// Plain HTTP where TLS is spoken.
    PlainHttp,
    /// Frames of HTTP/2 without end that belong to no request.
    Flood,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refusal::Malformed | Refusal::PlainHttp => StatusCode::BAD_REQUEST,
            Refusal::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::TargetTooLong => StatusCode::URI_TOO_LONG,
            Refusal::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Flood => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The whole answer in HTTP/1, after which the connection ends.
    pub(crate) fn answer(self) -> String {
        let (status, body) = (self.status(), self.body());
        let (date, length) = (HttpDate::from(SystemTime::now()), body.len());
        format!(
            "HTTP/1.1 {status}\r\ndate: {date}\r\nconnection: close\r\n\
             content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    fn body(self) -> &'static str {
        match self {
            Refusal::PlainHttp => "This port speaks TLS: ask by https://\n",
            _ => "",
        }
    }
}
