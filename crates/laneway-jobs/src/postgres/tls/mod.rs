//! Connections within TLS, by rustls.
//!
//! `proof.rs` decides which server to believe, `tls_stream.rs` moves the bytes.

mod proof;
mod tls_stream;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio_postgres::tls::TlsConnect;
use tokio_postgres::{Client, Config, Error};

use super::connect_error::ConnectError;
use super::messages::Messages;
use super::security::Security;
use super::socket::PostgresSocket;
use tls_stream::TlsStream;

/// By this name a server tells TLS for Postgres from TLS for others.
const PROTOCOL: &[u8] = b"postgresql";

/// How connections are encrypted, and which servers they believe.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(super) fn new(security: &Security) -> Result<Tls, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = proof::verifier(security, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::Other(error.to_string()))?;
        let mut config = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Tls(Arc::new(config)))
    }

    pub(super) async fn connect(
        &self,
        config: &Config,
        socket: PostgresSocket,
        name: &str,
    ) -> Result<(Client, Messages), Error> {
        let handshake = Handshake {
            config: self.0.clone(),
            name: name.to_owned(),
        };
        let (client, connection) = config.connect_raw(socket, handshake).await?;
        Ok((client, Messages::of(connection)))
    }
}

/// The beginning of TLS on one connection.
struct Handshake {
    config: Arc<ClientConfig>,
    name: String,
}

impl TlsConnect<PostgresSocket> for Handshake {
    type Stream = TlsStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TlsStream>> + Send>>;

    fn connect(self, socket: PostgresSocket) -> Self::Future {
        Box::pin(async move {
            let invalid = |error: rustls::Error| io::Error::new(ErrorKind::InvalidData, error);
            let name = ServerName::try_from(self.name)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            let session = ClientConnection::new(self.config, name).map_err(invalid)?;
            TlsStream::begin(socket, session).await
        })
    }
}
