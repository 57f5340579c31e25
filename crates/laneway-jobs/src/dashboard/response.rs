//! The answer to a request for a page.

use super::html::Html;

/// The answer, to be sent by the server that the dashboard is mounted in.
#[derive(Clone, Debug)]
#[must_use = "the server has to send it"]
pub struct PageResponse {
    /// The status, as in HTTP.
    pub status: u16,
    /// The headers, names in lower case. The length of the body is not among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Nothing may be loaded but what the dashboard itself serves, and no other site may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The headers of every answer.
const ALWAYS: [(&str, &str); 5] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

impl PageResponse {
    fn new(status: u16, content_type: &str, body: Vec<u8>) -> PageResponse {
        let own = [("content-type", content_type)];
        let headers = own.into_iter().chain(ALWAYS);
        PageResponse {
            status,
            headers: headers
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            body,
        }
    }

    /// A page, which shows what is there now and is not to be kept.
    pub(super) fn page(status: u16, html: Html) -> PageResponse {
        PageResponse::new(status, "text/html; charset=utf-8", html.into_bytes())
            .with("cache-control", "no-store")
    }

    /// A file of the dashboard itself.
    pub(super) fn file(content_type: &str, text: &str) -> PageResponse {
        PageResponse::new(200, content_type, text.into())
            .with("cache-control", "private, max-age=86400, immutable")
    }

    /// Bytes of a job, which a browser saves and never shows.
    pub(super) fn download(name: &str, body: Vec<u8>) -> PageResponse {
        PageResponse::new(200, "application/octet-stream", body)
            .with("cache-control", "no-store")
            .with(
                "content-disposition",
                &format!("attachment; filename=\"{name}\""),
            )
    }

    /// The numbers of the queues, for a program.
    pub(super) fn gauges(text: String) -> PageResponse {
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        PageResponse::new(200, content_type, text.into_bytes()).with("cache-control", "no-store")
    }

    /// Leads to another page after a change.
    pub(super) fn see(target: &str) -> PageResponse {
        PageResponse::new(303, "text/plain; charset=utf-8", Vec::new())
            .with("cache-control", "no-store")
            .with("location", target)
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> PageResponse {
        self.headers.push((name, value.to_owned()));
        self
    }
}
