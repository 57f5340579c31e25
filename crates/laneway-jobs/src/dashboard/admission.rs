//! Which requests get in: decided from what they say, before anything is read.

use std::net::IpAddr;

use super::request::{FORWARDED, PageRequest};
use super::secret::{Sameness, Secret};

/// The cookie of a browser that has given the token.
pub(super) const COOKIE: &str = "laneway-jobs";

/// Which clients the dashboard lets in.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    /// The names by which it may be called, beside those of the loopback.
    pub(super) hosts: Vec<String>,
    /// The token that every client must give. Without one only clients on this machine get in.
    pub(super) token: Option<String>,
}

/// Whether a request gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// By its address or its cookie: its forms have to carry their token.
    Browser,
    /// By the token itself in a header, which no other site can make a browser send.
    Program,
    /// The server was called by a name that is not its own.
    WrongHost,
    /// Only clients on this machine get in.
    FarAway,
    /// The token is missing or wrong.
    TokenWanted,
}

impl Door {
    pub(super) fn admit(&self, request: &PageRequest, secret: &Secret) -> Admission {
        if !self.is_own_host(request.host()) {
            return Admission::WrongHost;
        }
        match &self.token {
            None if is_near(request) => Admission::Browser,
            None => Admission::FarAway,
            Some(token) => by_token(token, request, secret),
        }
    }

    /// A site that lets its own name point at this machine would otherwise read what is here in a
    /// browser that runs on it.
    fn is_own_host(&self, host: Option<&str>) -> bool {
        let Some(host) = host.map(without_port) else {
            return false;
        };
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback());
        is_loopback || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// Whether the other end is on this machine. A proxy on this machine that does not say that it
/// forwards cannot be told from a browser: a token is for that.
fn is_near(request: &PageRequest) -> bool {
    let is_forwarded = FORWARDED.iter().any(|name| request.get(name).is_some());
    let peer = request.peer.map(|peer| peer.to_canonical());
    !is_forwarded && peer.is_some_and(|peer| peer.is_loopback())
}

fn by_token(token: &str, request: &PageRequest, secret: &Secret) -> Admission {
    let authorization = request.get("authorization").unwrap_or_default();
    let bearer = authorization.strip_prefix("Bearer ");
    if bearer.is_some_and(|given| secret.same(given.trim(), token) == Sameness::Same) {
        return Admission::Program;
    }
    let session = secret.sign("session", token);
    let mut cookies = request.cookies(COOKIE);
    match cookies.any(|cookie| secret.same(cookie, &session) == Sameness::Same) {
        true => Admission::Browser,
        false => Admission::TokenWanted,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str) -> PageRequest {
        PageRequest::new("GET", "/").header("host", host.as_bytes())
    }

    fn from(peer: &str, host: &str) -> PageRequest {
        request(host).peer(peer.parse().unwrap())
    }

    #[test]
    fn without_a_token_only_this_machine_gets_in() {
        let (door, secret) = (Door::default(), Secret::new());
        let admitted = |request: &PageRequest| door.admit(request, &secret);
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
        ] {
            assert_eq!(
                admitted(&from("127.0.0.1", host)),
                Admission::Browser,
                "{host}"
            );
        }
        assert_eq!(
            admitted(&from("::ffff:127.0.0.1", "localhost")),
            Admission::Browser
        );
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "",
            "10.0.0.1",
        ] {
            assert_eq!(
                admitted(&from("127.0.0.1", host)),
                Admission::WrongHost,
                "{host}"
            );
        }
        assert_eq!(admitted(&from("10.0.0.2", "localhost")), Admission::FarAway);
        assert_eq!(
            admitted(&request("localhost")),
            Admission::FarAway,
            "an unknown peer"
        );
        for name in [
            "X-Forwarded-For",
            "Forwarded",
            "Via",
            "X-Forwarded-Proto",
            "X-Real-IP",
        ] {
            let forwarded = from("127.0.0.1", "localhost").header(name, b"10.0.0.2");
            assert_eq!(admitted(&forwarded), Admission::FarAway, "{name}");
        }
        let unnamed = PageRequest::new("GET", "/").peer("127.0.0.1".parse().unwrap());
        assert_eq!(admitted(&unnamed), Admission::WrongHost);
        let whole = PageRequest::new("GET", "http://evil.example/").header("host", b"localhost");
        assert_eq!(admitted(&whole), Admission::WrongHost);
    }

    #[test]
    fn a_token_lets_others_in() {
        let secret = Secret::new();
        let door = Door {
            hosts: vec!["jobs.example".to_owned()],
            token: Some("open".to_owned()),
        };
        let admitted = |request: PageRequest| door.admit(&request, &secret);
        let far = || from("10.0.0.2", "jobs.example:443");
        assert_eq!(admitted(far()), Admission::TokenWanted);
        let near = from("127.0.0.1", "localhost");
        assert_eq!(
            admitted(near),
            Admission::TokenWanted,
            "or a silent proxy is it"
        );
        let by_header = |value: &[u8]| admitted(far().header("Authorization", value));
        assert_eq!(by_header(b"Bearer open"), Admission::Program);
        assert_eq!(by_header(b"Bearer opens"), Admission::TokenWanted);
        assert_eq!(by_header(b"Bearer "), Admission::TokenWanted);
        let by_cookie = |value: String| admitted(far().header("cookie", value.as_bytes()));
        let session = secret.sign("session", "open");
        assert_eq!(
            by_cookie(format!("a=b; laneway-jobs={session}")),
            Admission::Browser
        );
        assert_eq!(
            by_cookie("laneway-jobs=open".to_owned()),
            Admission::TokenWanted
        );
    }
}
