//! A host: a name of the network, or a folder of sockets.

use std::io;

use laneway::net::TcpStream;
use laneway::net::unix::UnixStream;
use tokio_postgres::config::Host;

use super::socket::PostgresSocket;

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
