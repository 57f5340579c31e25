//! A host: a name of the network, or a folder of sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use laneway::net::unix::UnixStream;
use laneway::net::{TcpStream, resolve};
use tokio_postgres::config::Host;

use super::socket::PostgresSocket;
use super::url::encoded;

/// One of the ways to a host.
pub(super) enum Door {
    Address(SocketAddr),
    Socket(PathBuf),
}

/// All ways to a host; `address` counts in the place of those that its name has.
pub(super) async fn doors(
    host: &Host,
    port: u16,
    address: Option<IpAddr>,
) -> io::Result<Vec<Door>> {
    Ok(match (host, address) {
        (_, Some(address)) => vec![Door::Address((address, port).into())],
        (Host::Tcp(name), None) => {
            let addresses = resolve((name.as_str(), port)).await?;
            addresses.into_iter().map(Door::Address).collect()
        }
        (Host::Unix(folder), None) => {
            vec![Door::Socket(folder.join(format!(".s.PGSQL.{port}")))]
        }
    })
}

pub(super) async fn open(door: &Door) -> io::Result<PostgresSocket> {
    Ok(match door {
        Door::Address(address) => {
            let stream = TcpStream::connect(*address).await?;
            stream.set_nodelay(true)?;
            PostgresSocket::of(stream)
        }
        Door::Socket(path) => PostgresSocket::of(UnixStream::connect(path).await?),
    })
}

/// The host as people know it.
pub(super) fn in_words(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
    }
}

/// The host as it stands in a URL.
pub(super) fn in_url(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(folder) => format!("{}:{port}", in_percents(&folder.display().to_string())),
    }
}

fn in_percents(folder: &str) -> String {
    encoded(folder).replace('/', "%2F")
}

/// Whether it is a folder of sockets.
pub(super) fn is_folder(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

/// The name that a server proves.
pub(super) fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(_) => String::new(),
    }
}
