//! Answers that say no, in JSON.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer that says no, and why.
pub(crate) struct Failure {
    status: StatusCode,
    body: Value,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Failure {
        let body = json!({ "error": message.into() });
        Failure { status, body }
    }

    /// Says also where a task stands: the fields of `body` are added.
    pub(crate) fn with(mut self, body: Value) -> Failure {
        if let (Some(fields), Value::Object(more)) = (self.body.as_object_mut(), body) {
            fields.extend(more);
        }
        self
    }
}

/// When to come back to a full queue, in seconds.
const RETRY: HeaderValue = HeaderValue::from_static("1");

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut answer = json_answer(self.status, &self.body);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, RETRY);
        }
        answer
    }
}

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, format!("{body}\n")).into_response()
}
