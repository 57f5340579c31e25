//! The requests whose connections the server lets its service give away.

use std::fmt;
use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderMap, Method, Request, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use crate::fleet::Watch;

/// The protocols that a connection may come to speak by the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Nothing,
    /// One of another protocol, by 101.
    Upgrade,
    /// A tunnel, by any success.
    Tunnel,
}

/// The request that an upgrade is waited for: an extension of it.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) watch: Arc<Watch>,
    pub(crate) request: u64,
}

impl Offered {
    /// Judges what hyper takes for a request for an upgrade. It gets the server's offer, or loses
    /// that of hyper.
    pub(crate) fn to<B: Body>(request: &mut Request<B>, offer: impl FnOnce() -> Offer) -> Offered {
        let extensions = request.extensions();
        // Most requests have none.
        if extensions.is_empty() || extensions.get::<OnUpgrade>().is_none() {
            return Offered::Nothing;
        }
        let offered = Offered::judge(request);
        match offered {
            Offered::Nothing => drop(request.extensions_mut().remove::<OnUpgrade>()),
            _ => drop(request.extensions_mut().insert(offer())),
        }
        offered
    }

    /// The protocol changes with the end of the request (RFC 9110, section 7.8). So the bytes of a
    /// body would be the first ones of the new protocol to a server that does not read them, and
    /// there is no offer where there is a body.
    fn judge<B: Body>(request: &Request<B>) -> Offered {
        let is_tunnel = request.method() == Method::CONNECT;
        match request.version() {
            _ if !request.body().is_end_stream() => Offered::Nothing,
            Version::HTTP_10 | Version::HTTP_11 if is_tunnel => Offered::Tunnel,
            Version::HTTP_11 if says_upgrade(request.headers()) => Offered::Upgrade,
            _ => Offered::Nothing,
        }
    }
}

/// Whether `Connection` lists `upgrade`. Without it, the field `Upgrade` is one that a proxy may
/// have passed on from another connection.
pub(crate) fn says_upgrade(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(CONNECTION).iter();
    let mut options = lists.flat_map(|list| list.as_bytes().split(|&byte| byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
