//! The requests whose connections the server lets its service give away.

use std::fmt;
use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderMap, Method, Request, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use super::streamed::Awaited;
use crate::fleet::Watch;

/// The protocols that a connection may come to speak by the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Nothing,
    /// One of another protocol, by 101.
    Upgrade,
    /// A tunnel, by any success. In HTTP/2, the request's stream becomes one, or speaks another
    /// protocol.
    Tunnel,
}

/// The request that an upgrade is waited for: an extension of it.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) watch: Arc<Watch>,
    pub(crate) request: u64,
    /// hyper's part in HTTP/2. In HTTP/1 the request has that besides.
    pub(crate) stream: Option<Awaited>,
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
        let (version, extensions) = (request.version(), request.extensions_mut());
        let mut offer = match offered {
            Offered::Nothing => {
                extensions.remove::<OnUpgrade>();
                return offered;
            }
            _ => offer(),
        };
        if version == Version::HTTP_2 {
            // The connection would not know how long hyper's own future has the stream.
            let of_hyper = extensions.remove::<OnUpgrade>();
            offer.stream = of_hyper.map(|of_hyper| offer.to_wait_for(of_hyper));
        }
        extensions.insert(offer);
        offered
    }

    /// The protocol changes with the end of the request (RFC 9110, section 7.8). So the bytes of a
    /// body would be the first ones of the new protocol to a server that does not read them, and
    /// there is no offer where there is a body.
    fn judge<B: Body>(request: &Request<B>) -> Offered {
        let is_tunnel = request.method() == Method::CONNECT;
        match request.version() {
            _ if !request.body().is_end_stream() => Offered::Nothing,
            _ if is_tunnel => Offered::Tunnel,
            Version::HTTP_11 if says_upgrade(request.headers()) => Offered::Upgrade,
            _ => Offered::Nothing,
        }
    }
}

impl Offer {
    pub(crate) fn new(watch: Arc<Watch>, request: u64) -> Offer {
        Offer {
            watch,
            request,
            stream: None,
        }
    }

    fn to_wait_for(&self, of_hyper: OnUpgrade) -> Awaited {
        Awaited::new(of_hyper, self.watch.clone(), self.request)
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

/// The protocol that a request asks for by `CONNECT` in HTTP/2 (RFC 8441), such as `websocket`.
///
/// No request has one unless the server [offers it](crate::Server::enable_connect_protocol). The
/// [module](crate::upgrade#in-http2) has an example.
#[must_use]
pub fn connect_protocol<B>(request: &Request<B>) -> Option<&str> {
    let protocol = request.extensions().get::<hyper::ext::Protocol>();
    protocol.map(hyper::ext::Protocol::as_str)
}
