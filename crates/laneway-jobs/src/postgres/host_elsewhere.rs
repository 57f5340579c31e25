//! A host, on systems where a server has no folder of sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};

use laneway::net::{TcpStream, resolve};
use tokio_postgres::config::Host;

use super::socket::PostgresSocket;

/// One of the ways to a host.
pub(super) type Door = SocketAddr;

/// All ways to a host; `address` counts in the place of those that its name has.
pub(super) async fn doors(
    host: &Host,
    port: u16,
    address: Option<IpAddr>,
) -> io::Result<Vec<Door>> {
    let Host::Tcp(name) = host;
    match address {
        Some(address) => Ok(vec![(address, port).into()]),
        None => resolve((name.as_str(), port)).await,
    }
}

pub(super) async fn open(door: &Door) -> io::Result<PostgresSocket> {
    let stream = TcpStream::connect(*door).await?;
    stream.set_nodelay(true)?;
    Ok(PostgresSocket::of(stream))
}

/// The host as people know it.
pub(super) fn in_words(host: &Host, port: u16) -> String {
    let Host::Tcp(name) = host;
    format!("{name}:{port}")
}

/// The host as it stands in a URL.
pub(super) fn in_url(host: &Host, port: u16) -> String {
    let Host::Tcp(name) = host;
    match name.contains(':') {
        true => format!("[{name}]:{port}"),
        false => format!("{name}:{port}"),
    }
}

/// Whether it is a folder of sockets.
pub(super) fn is_folder(_: &Host) -> bool {
    false
}

/// The name that a server proves.
pub(super) fn name(host: &Host) -> String {
    let Host::Tcp(name) = host;
    name.clone()
}
