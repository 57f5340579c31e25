//! Connections without TLS, where it is not built in.

use tokio_postgres::{Client, Config, Error, NoTls};

use super::connect_error::ConnectError;
use super::messages::Messages;
use super::security::Security;
use super::socket::PostgresSocket;

#[derive(Clone)]
pub(super) struct Tls;

impl Tls {
    pub(super) fn new(security: &Security) -> Result<Tls, ConnectError> {
        match security.is_required() {
            true => Err(ConnectError::TlsMissing),
            false => Ok(Tls),
        }
    }

    pub(super) async fn connect(
        &self,
        config: &Config,
        socket: PostgresSocket,
        _name: &str,
    ) -> Result<(Client, Messages), Error> {
        let (client, connection) = config.connect_raw(socket, NoTls).await?;
        Ok((client, Messages::of(connection)))
    }
}
