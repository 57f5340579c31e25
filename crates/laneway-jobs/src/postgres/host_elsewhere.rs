//! A host, on systems where a server has no folder of sockets.

use std::io;

use laneway::net::TcpStream;
use tokio_postgres::config::Host;

use super::socket::PostgresSocket;

pub(super) async fn open(host: &Host, port: u16) -> io::Result<PostgresSocket> {
    let Host::Tcp(name) = host;
    let stream = TcpStream::connect((name.as_str(), port)).await?;
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
