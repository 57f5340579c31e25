//! TLS, by rustls: certificates, and servers that speak HTTPS.
//!
//! ```no_run
//! use laneway::net::TcpListener;
//! use laneway::{Priority, Runtime};
//! use laneway_http::tls::Tls;
//! use laneway_http::{Server, service_fn};
//!
//! let tls = Tls::from_files("chain.pem", "key.pem")?;
//! let hello = service_fn(async |_request: http::Request<laneway_http::RequestBody>| {
//!     Ok::<_, std::convert::Infallible>(http::Response::new("hello".to_owned()))
//! });
//! let rt = Runtime::builder().build()?;
//! let listener = rt.block_on(TcpListener::bind("0.0.0.0:443"))?;
//! let serving = rt.spawn(Server::new(hello).tls(tls.clone()).serve(listener), Priority::High);
//! // When the files have changed, on a signal or once a day:
//! tls.replace_by_files("chain.pem", "key.pem")?;
//! # drop(serving);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The client chooses between HTTP/2 and HTTP/1.1 by ALPN; TLS 1.2 and 1.3 are spoken. The
//! handshake runs in the connection's own task, within the time of
//! [`Limits::handshake`](crate::Limits::handshake). A client that speaks HTTP without TLS gets 400
//! in plain text. A connection that hibernates frees its buffers and keeps its session.
//!
//! # Where to read
//!
//! `certificate.rs` reads PEM, `tls_stream.rs` moves the bytes, and `connection/handshake.rs` is
//! the beginning of a connection.

mod certificate;
mod tls_error;
mod tls_stream;

use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use laneway::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use certificate::{Certificate, Shown};
pub use tls_error::TlsError;
pub(crate) use tls_stream::TlsStream;

/// The certificates and protocols of a server in TLS. Clones are the same: a certificate that is
/// [replaced](Tls::replace_by_pem) in one is replaced in all.
///
/// The [module](self) has an example.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    /// None where the configuration finds certificates in its own way.
    certificate: Option<Arc<Shown>>,
}

/// The protocols that clients may choose, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, both in PEM.
    ///
    /// # Errors
    ///
    /// If one of them is empty or malformed, or they do not belong together.
    ///
    /// ```
    /// use laneway_http::tls::{Tls, TlsError};
    ///
    /// let error = Tls::from_pem("", "").unwrap_err();
    /// assert!(matches!(error, TlsError::NoCertificate));
    /// ```
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Tls, TlsError> {
        let certificate = Certificate::read(chain.as_ref(), key.as_ref())?;
        let shown = Arc::new(Shown::new(certificate));
        let config = ServerConfig::builder_with_provider(certificate::provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Refused)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        Ok(Tls {
            certificate: Some(shown),
            ..Tls::from_config(config)?
        })
    }

    /// As [`from_pem`](Tls::from_pem), from two files. Reads them at once, on the caller's thread.
    ///
    /// # Errors
    ///
    /// The same, and [`Unreadable`](TlsError::Unreadable) if a file cannot be read.
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Tls, TlsError> {
        Tls::from_pem(read(chain.as_ref())?, read(key.as_ref())?)
    }

    /// Takes a configuration of rustls: for clients' certificates, several names, or another
    /// provider. Where it has no protocols for ALPN, they are `h2` and `http/1.1`.
    ///
    /// # Errors
    ///
    /// [`Refused`](TlsError::Refused) if rustls can begin nothing with it.
    pub fn from_config(mut config: ServerConfig) -> Result<Tls, TlsError> {
        if config.alpn_protocols.is_empty() {
            config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        }
        let config = Arc::new(config);
        // A stream is begun without a chance to say what is wrong.
        ServerConnection::new(config.clone()).map_err(TlsError::Refused)?;
        Ok(Tls {
            config,
            certificate: None,
        })
    }

    /// Replaces the certificate, for connections that come from now on. Those that are there keep
    /// theirs.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Tls::from_pem), and then the old certificate stays. Also
    /// [`HasResolver`](TlsError::HasResolver) after [`from_config`](Tls::from_config).
    pub fn replace_by_pem(
        &self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<(), TlsError> {
        let shown = self.certificate.as_ref().ok_or(TlsError::HasResolver)?;
        shown.replace(Certificate::read(chain.as_ref(), key.as_ref())?);
        Ok(())
    }

    /// Replaces the certificate as [`replace_by_pem`](Tls::replace_by_pem) does, from two files.
    /// Reads them at once, on the caller's thread.
    ///
    /// # Errors
    ///
    /// The same, and [`Unreadable`](TlsError::Unreadable) if a file cannot be read.
    pub fn replace_by_files(
        &self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), TlsError> {
        self.replace_by_pem(read(chain.as_ref())?, read(key.as_ref())?)
    }

    pub(crate) fn stream(&self, tcp: TcpStream) -> TlsStream {
        let session = ServerConnection::new(self.config.clone());
        TlsStream::new(tcp, session.expect("the configuration was tried"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable {
        path: path.to_owned(),
        error,
    })
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
