//! The request of a browser, as far as the dashboard needs it.

use std::net::IpAddr;

use super::form::Form;

/// A request for a page, made by the server that the dashboard is mounted in.
///
/// ```
/// use laneway_jobs::dashboard::PageRequest;
///
/// let request = PageRequest::new("GET", "/jobs?state=failed")
///     .header("host", b"localhost:8080")
///     .peer("127.0.0.1".parse().unwrap());
/// # let _ = request;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is answered by `Dashboard::page`"]
pub struct PageRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Form,
    pub(super) peer: Option<IpAddr>,
    pub(super) body: Vec<u8>,
    authority: Option<String>,
    headers: Vec<(String, String)>,
}

/// The headers that the dashboard reads.
const READ: [&str; 4] = ["authorization", "cookie", "host", "sec-fetch-site"];

/// And those by which a proxy says that it is not the other end itself.
pub(super) const FORWARDED: [&str; 10] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

impl PageRequest {
    /// A request by its method and its target: path and query, or a whole address.
    pub fn new(method: &str, target: &str) -> PageRequest {
        let (authority, target) = parted(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        PageRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Form::read(query),
            peer: None,
            body: Vec::new(),
            authority,
            headers: Vec::new(),
        }
    }

    /// Adds a header. All may be given; those that are not read are left out.
    pub fn header(mut self, name: &str, value: &[u8]) -> PageRequest {
        let name = name.to_ascii_lowercase();
        if READ.contains(&&*name) || FORWARDED.contains(&&*name) {
            let value = String::from_utf8_lossy(value).into_owned();
            self.headers.push((name, value));
        }
        self
    }

    /// Sets the address of the other end of the connection. Default: unknown, which counts as far
    /// away.
    pub fn peer(mut self, peer: IpAddr) -> PageRequest {
        self.peer = Some(peer);
        self
    }

    /// Sets the body. Default: empty.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> PageRequest {
        self.body = body.into();
        self
    }

    /// The fields of the form in the body.
    pub(super) fn form(&self) -> Form {
        Form::read(&String::from_utf8_lossy(&self.body))
    }

    /// The name by which the server was called, and its port.
    pub(super) fn host(&self) -> Option<&str> {
        self.authority.as_deref().or_else(|| self.get("host"))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(header, _)| header == name)?;
        Some(value)
    }

    /// The cookies of a name, of which a browser may send several.
    pub(super) fn cookies<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        let cookies = self.headers.iter().filter(|(header, _)| header == "cookie");
        let pairs = cookies.flat_map(|(_, value)| value.split(';'));
        let named = pairs.filter_map(|pair| pair.trim().split_once('='));
        named.filter_map(move |(cookie, value)| (cookie == name).then_some(value))
    }
}

/// The authority of a whole address, and what follows it.
fn parted(target: &str) -> (Option<String>, &str) {
    let Some((_, rest)) = target
        .split_once("://")
        .filter(|_| !target.starts_with('/'))
    else {
        return (None, target);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    (Some(rest[..end].to_owned()), &rest[end..])
}
