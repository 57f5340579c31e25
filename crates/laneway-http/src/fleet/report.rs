//! The report of a server: its work, and the connections that it was cut off from.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use http::Method;

/// How a server ended: the outcome of [`Server::serve`](crate::Server::serve).
///
/// [`Server`](crate::Server) has an example. The text of a report has a line for the server, and
/// one for each thing that was cut off.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServeReport {
    /// Requests that were served, from the beginning.
    pub served: u64,
    /// Connections that rested when shutdown began, and were closed.
    pub idle_closed: usize,
    /// Connections that were busy when shutdown began, and came to their end.
    pub finished: usize,
    /// The activities that were not over at the deadline: each request, and each connection that
    /// was in the middle of something else.
    pub cut: Vec<CutConnection>,
}

/// A request, or a connection without one, that was cut off by the deadline of a shutdown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CutConnection {
    /// The client's address.
    pub peer: SocketAddr,
    /// The request's method, if the head has been read.
    pub method: Option<Method>,
    /// The request's path, or the host of `CONNECT`, if the head has been read.
    pub path: Option<String>,
    /// The activity that was cut off.
    pub doing: Doing,
    /// When that request, wait or upgrade had begun.
    pub since: Instant,
}

/// The activity of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doing {
    /// It waits for a request.
    Resting,
    /// It waits for the client's part of a handshake in TLS.
    Handshaking,
    /// It waits for the rest of a head.
    ReadingHead,
    /// A handler waits for the rest of a body.
    ReadingBody,
    /// A handler runs, or waits for something else.
    Handling,
    /// The answer is being sent.
    Answering,
    /// All is said, and the client is to close.
    Closing,
    /// It speaks another protocol, or is a tunnel: [`upgrade`](crate::upgrade).
    Upgraded,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doing::Resting => "waited for a request",
            Doing::Handshaking => "waited for the rest of the handshake",
            Doing::ReadingHead => "waited for the rest of the head",
            Doing::ReadingBody => "waited for the rest of the body",
            Doing::Handling => "was being handled",
            Doing::Answering => "was being answered",
            Doing::Closing => "was about to close",
            Doing::Upgraded => "was upgraded",
        })
    }
}

impl fmt::Display for CutConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.peer)?;
        if let (Some(method), Some(path)) = (&self.method, &self.path) {
            write!(f, "{method} {path} ")?;
        }
        write!(f, "{}", self.doing)
    }
}

impl ServeReport {
    /// Whether nothing was cut off.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut.is_empty()
    }
}

impl fmt::Display for ServeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (served, idle, finished) = (self.served, self.idle_closed, self.finished);
        let cut = self.cut.len();
        write!(
            f,
            "served {served}, closed {idle} idle, finished {finished}, cut off {cut}"
        )?;
        self.cut.iter().try_for_each(|cut| write!(f, "\n  {cut}"))
    }
}
