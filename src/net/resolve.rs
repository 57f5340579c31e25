//! From names to addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::simulated;
use crate::blocking::unblock;
use crate::ground::poll::budget;

/// Something that can be turned into addresses of sockets: an address, an address and a port, or a
/// name and a port, such as `"localhost:8080"` or `("localhost", 8080)`.
///
/// A name is looked up by the system, on a thread of [`blocking`](crate::blocking). Text that is an
/// address needs no thread. An address of IP version 6 may stand in brackets, as in URIs, and may
/// name a network card, as in `"[fe80::1%eth0]:80"`.
pub trait ToSocketAddrs: Sealed {}

/// The address or name that is to be resolved.
#[derive(Clone, Debug)]
pub enum Target {
    Addresses(Vec<SocketAddr>),
    /// A name with its port.
    Host(String, u16),
    /// Text in which a name and a port should be.
    Text(String),
}

/// Kept from the outside: what it gives is no part of the interface.
pub trait Sealed {
    fn target(&self) -> Target;
}

macro_rules! addresses {
    ($($type:ty: |$this:ident| $address:expr;)*) => {$(
        impl ToSocketAddrs for $type {}
        impl Sealed for $type {
            fn target(&self) -> Target {
                let $this = self;
                Target::Addresses(vec![SocketAddr::from($address)])
            }
        }
    )*};
}

addresses! {
    SocketAddr: |this| *this;
    SocketAddrV4: |this| *this;
    SocketAddrV6: |this| *this;
    (IpAddr, u16): |this| *this;
    (Ipv4Addr, u16): |this| *this;
    (Ipv6Addr, u16): |this| *this;
}

impl ToSocketAddrs for [SocketAddr] {}
impl Sealed for [SocketAddr] {
    fn target(&self) -> Target {
        Target::Addresses(self.to_vec())
    }
}

impl ToSocketAddrs for str {}
impl Sealed for str {
    fn target(&self) -> Target {
        match self.parse() {
            Ok(address) => Target::Addresses(vec![address]),
            Err(_) => Target::Text(self.to_owned()),
        }
    }
}

impl ToSocketAddrs for String {}
impl Sealed for String {
    fn target(&self) -> Target {
        self.as_str().target()
    }
}

impl ToSocketAddrs for (&str, u16) {}
impl Sealed for (&str, u16) {
    fn target(&self) -> Target {
        let host = without_brackets(self.0);
        match host.parse::<IpAddr>() {
            Ok(address) => Target::Addresses(vec![SocketAddr::from((address, self.1))]),
            Err(_) => Target::Host(host.to_owned(), self.1),
        }
    }
}

impl ToSocketAddrs for (String, u16) {}
impl Sealed for (String, u16) {
    fn target(&self) -> Target {
        (self.0.as_str(), self.1).target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: ToSocketAddrs + ?Sized> Sealed for &T {
    fn target(&self) -> Target {
        (**self).target()
    }
}

/// The addresses of a host, looked up where text is no address.
///
/// # Errors
///
/// The system's: the name is not known, the server of names cannot be reached, or the text has no
/// port.
///
/// # Cancellation
///
/// The thread that looks the name up goes on until the system answers, and drops the answer.
///
/// ```
/// use laneway::net::resolve;
///
/// let addresses = laneway::block_on(resolve("127.0.0.1:80"))?;
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn resolve(address: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    budget::spend().await;
    addresses(address).await
}

/// As [`resolve`], where the use of the address is counted.
pub(super) async fn addresses(address: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    match address.target() {
        Target::Addresses(addresses) => Ok(addresses),
        Target::Host(host, port) => look_up(host, port).await,
        Target::Text(text) => {
            let (host, port) = host_and_port(&text)?;
            look_up(without_brackets(host).to_owned(), port).await
        }
    }
}

async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs as Lookup;
    match simulated::current() {
        Some(network) => network.lookup(&host, port),
        None => unblock(move || Ok((host.as_str(), port).to_socket_addrs()?.collect())).await,
    }
}

/// The address of IP version 6 in its brackets, as it stands in URIs and before a port, or else the
/// whole text. The system wants it without them, where it has the name of a network card behind a
/// `%`.
fn without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.filter(|inner| inner.contains(':')).unwrap_or(host)
}

fn host_and_port(text: &str) -> io::Result<(&str, u16)> {
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{text:?} is no address: write a host and a port, such as localhost:80"),
        )
    })
}

/// Tries one address after another, up to the first for which the attempt succeeds.
///
/// # Errors
///
/// That of the last address.
pub(super) fn try_in_order<T>(
    addresses: Vec<SocketAddr>,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = no_address();
    for address in addresses {
        match attempt(address) {
            Ok(output) => return Ok(output),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The error of an attempt with no address at all.
pub(super) fn no_address() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "there is no address to try: give one at least, or a name that has one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(address: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
        crate::block_on(resolve(address))
    }

    #[test]
    fn an_address_in_brackets_may_stand_before_a_port_or_alone() {
        let here = [SocketAddr::from((Ipv6Addr::LOCALHOST, 80))];
        assert_eq!(resolved("[::1]:80").unwrap(), here);
        assert_eq!(resolved(("[::1]", 80)).unwrap(), here);
        assert_eq!(resolved(("::1", 80)).unwrap(), here);
        for none in ["[127.0.0.1]:80", "[localhost]:80", "[]:80", "[::1:80"] {
            assert!(resolved(none).is_err(), "{none}");
        }
    }
}
