//! The clients that may look at a runtime.
//!
//! A runtime's page names tasks and places in the source, so it is for the machine it runs on. A
//! browser there may be led astray in two ways: a page from elsewhere may have a name that leads to
//! this machine (DNS rebinding), which shows in the Host header, and it may ask for the stream
//! itself, which shows in what browsers say of a request's origin.

use std::fmt;
use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri, Version, request};

/// The rule by which clients are let in.
#[derive(Clone)]
pub(super) enum Access {
    /// Those on the same machine.
    Loopback,
    /// Those as well that know the token.
    Token(String),
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It is on another machine.
    Remote,
    WrongToken,
    /// A proxy has passed the request on, so that its peer says nothing of the client.
    Proxied,
    /// The request names a host that is not this machine's own.
    OtherHost,
    /// The page of another site asks.
    OtherSite,
}

/// The fields that proxies add to requests, beside those that begin with `x-forwarded`.
const OF_PROXIES: [&str; 6] = [
    "forwarded",
    "x-real-ip",
    "via",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];
const FORWARDED: &str = "x-forwarded";

/// The field by which browsers tell where a request comes from.
const FETCH_SITE: &str = "sec-fetch-site";

impl Access {
    /// Decides about a request by the address that it comes from and its head.
    pub(super) fn judge(&self, peer: IpAddr, head: &request::Parts) -> Result<(), Denied> {
        let host = host(head);
        judge_origin(&head.headers, host.as_ref())?;
        let given = token(head);
        match self {
            Access::Token(token) if given.is_some_and(|given| is_equal(given, token)) => Ok(()),
            Access::Token(_) if given.is_some() => Err(Denied::WrongToken),
            Access::Token(_) | Access::Loopback => judge_local(peer, head, host.as_ref()),
        }
    }
}

fn judge_local(
    peer: IpAddr,
    head: &request::Parts,
    host: Option<&Authority>,
) -> Result<(), Denied> {
    if !peer.to_canonical().is_loopback() {
        return Err(Denied::Remote);
    }
    if head.version < Version::HTTP_11 || head.headers.keys().any(is_of_proxies) {
        return Err(Denied::Proxied);
    }
    match host.is_some_and(is_local) {
        true => Ok(()),
        false => Err(Denied::OtherHost),
    }
}

/// Whether a proxy has added a field of this name. Some add none, but speak HTTP/1.0, as no browser
/// does.
fn is_of_proxies(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with(FORWARDED) || OF_PROXIES.contains(&name)
}

/// Refuses what a page of another site asks for. A link from there is harmless.
fn judge_origin(headers: &HeaderMap, host: Option<&Authority>) -> Result<(), Denied> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let is_foreign = text(ORIGIN).is_some_and(|origin| {
        let origin = origin.parse::<Uri>().ok();
        origin.as_ref().and_then(Uri::authority) != host
    });
    let is_navigation = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate");
    let site = text(HeaderName::from_static(FETCH_SITE));
    let is_from_elsewhere = !matches!(site, None | Some("same-origin" | "none"));
    match is_foreign || (is_from_elsewhere && !is_navigation) {
        true => Err(Denied::OtherSite),
        false => Ok(()),
    }
}

/// The name by which the client calls this server.
fn host(head: &request::Parts) -> Option<Authority> {
    let named = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = named.and_then(|host| host.parse().ok());
    named.or_else(|| head.uri.authority().cloned())
}

fn is_local(host: &Authority) -> bool {
    let name = host.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The token of a request: `?token=...`, or `Authorization: Bearer ...`.
fn token(head: &request::Parts) -> Option<&str> {
    let header = head.headers.get(AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let mut query = head.uri.query().unwrap_or_default().split('&');
    header.or_else(|| query.find_map(|part| part.strip_prefix("token=")))
}

/// Compares in a time that does not depend on where the two differ.
fn is_equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differences == 0
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Denied::Remote => {
                "This page shows a runtime to its own machine alone. Open it there as \
                 http://localhost, through an SSH tunnel for instance, or let the program call \
                 Inspect::allow_remote and open the page with ?token=."
            }
            Denied::WrongToken => "The token is not the one that the program was given.",
            Denied::Proxied => {
                "This request came through a proxy, and so perhaps from another machine. Go round \
                 the proxy, or let the program call Inspect::allow_remote and use its token."
            }
            Denied::OtherHost => {
                "This page answers to localhost, 127.0.0.1 and [::1] alone, so that no other \
                 site's name can lead a browser here. Use one of them in the address."
            }
            Denied::OtherSite => {
                "A page of another site has asked for this. Open this page itself."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const TOKEN: &str = "0123456789abcdef";

    fn judged(
        access: &Access,
        peer: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Option<Denied> {
        let mut request = Request::get(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        access.judge(peer.parse().unwrap(), &head).err()
    }

    fn local(fields: &[(&str, &str)]) -> Option<Denied> {
        judged(&Access::Loopback, &HERE.to_string(), "/", fields)
    }

    #[test]
    fn the_machine_itself_is_let_in_by_its_own_names() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.8.8.8",
            "[::1]:80",
        ] {
            assert_eq!(local(&[("host", host)]), None, "{host}");
        }
        let loopback = &Access::Loopback;
        for peer in ["::1", "127.0.0.2", "::ffff:127.0.0.1"] {
            assert_eq!(judged(loopback, peer, "/", &[("host", "[::1]")]), None);
        }
        assert_eq!(judged(loopback, "::1", "http://localhost:3/", &[]), None);
    }

    #[test]
    fn a_name_from_elsewhere_is_refused() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
        ] {
            assert_eq!(local(&[("host", host)]), Some(Denied::OtherHost), "{host}");
        }
        assert_eq!(local(&[]), Some(Denied::OtherHost));
    }

    #[test]
    fn another_machine_and_a_proxy_are_refused() {
        let host = ("host", "localhost");
        for peer in ["10.0.0.1", "192.168.0.1", "2001:db8::1", "0.0.0.0"] {
            let denied = judged(&Access::Loopback, peer, "/", &[host]);
            assert_eq!(denied, Some(Denied::Remote), "{peer}");
        }
        let forwarded = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        for field in OF_PROXIES.into_iter().chain(forwarded) {
            assert_eq!(
                local(&[host, (field, "x")]),
                Some(Denied::Proxied),
                "{field}"
            );
        }
        let request = Request::get("/").version(Version::HTTP_10);
        let request = request.header("host", "localhost").body(()).unwrap();
        let judged = Access::Loopback.judge(HERE, &request.into_parts().0);
        assert_eq!(judged, Err(Denied::Proxied));
    }

    #[test]
    fn another_sites_page_is_refused_and_a_link_from_there_is_not() {
        let host = ("host", "localhost:80");
        let from = |field| local(&[host, field]);
        assert_eq!(from(("origin", "http://localhost:80")), None);
        for origin in ["http://evil.example", "http://localhost:81", "null"] {
            assert_eq!(
                from(("origin", origin)),
                Some(Denied::OtherSite),
                "{origin}"
            );
        }
        assert_eq!(from((FETCH_SITE, "same-origin")), None);
        for site in ["cross-site", "same-site"] {
            assert_eq!(from((FETCH_SITE, site)), Some(Denied::OtherSite), "{site}");
            let link = [host, (FETCH_SITE, site), ("sec-fetch-mode", "navigate")];
            assert_eq!(local(&link), None);
        }
    }

    #[test]
    fn a_token_lets_in_from_anywhere_and_a_wrong_one_from_nowhere() {
        let access = Access::Token(TOKEN.to_owned());
        let host = ("host", "10.1.1.1");
        let bearer = format!("Bearer {TOKEN}");
        let given = format!("/?a=1&token={TOKEN}");
        assert_eq!(judged(&access, "10.0.0.1", &given, &[host]), None);
        let header = ("authorization", &*bearer);
        assert_eq!(judged(&access, "10.0.0.1", "/", &[host, header]), None);
        assert_eq!(
            judged(&access, "10.0.0.1", "/", &[host]),
            Some(Denied::Remote)
        );
        for wrong in ["", "0123456789abcdeF", "0123456789abcdef0"] {
            let target = format!("/?token={wrong}");
            for peer in ["10.0.0.1", "127.0.0.1"] {
                let denied = judged(&access, peer, &target, &[("host", "localhost")]);
                assert_eq!(denied, Some(Denied::WrongToken), "{wrong}");
            }
        }
    }
}
