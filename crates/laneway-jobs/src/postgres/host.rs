//! A host: a name of the network, or a folder of sockets.

use std::io;

use laneway::net::TcpStream;
use laneway::net::unix::UnixStream;
use tokio_postgres::config::Host;

use super::socket::PostgresSocket;
use super::url::encoded;

pub(super) async fn open(host: &Host, port: u16) -> io::Result<PostgresSocket> {
    Ok(match host {
        Host::Tcp(name) => {
            let stream = TcpStream::connect((name.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            PostgresSocket::of(stream)
        }
        Host::Unix(folder) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            PostgresSocket::of(UnixStream::connect(path).await?)
        }
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
