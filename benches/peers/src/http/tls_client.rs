//! The client's side of TLS.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::certificate::CHAIN;

/// Trusts the certificate that all servers show.
pub(crate) struct TlsClient(Arc<ClientConfig>);

impl TlsClient {
    /// Each of its connections shakes hands from the beginning.
    pub(crate) fn new() -> TlsClient {
        let chain = CertificateDer::from_pem_slice(CHAIN.as_bytes());
        let mut roots = RootCertStore::empty();
        let added = roots.add(chain.expect("it is PEM"));
        added.expect("it is its own authority");
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has them");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.resumption = Resumption::disabled();
        TlsClient(Arc::new(config))
    }

    pub(crate) fn connect(&self, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
        let name = "localhost".try_into().expect("it is a name");
        let session = ClientConnection::new(self.0.clone(), name);
        StreamOwned::new(session.expect("the settings are valid"), stream)
    }
}
