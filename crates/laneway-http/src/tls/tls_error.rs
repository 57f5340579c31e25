//! The reasons why a certificate cannot be used.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a certificate or a configuration cannot be used, and what to do about it.
///
/// ```
/// use laneway_http::tls::Tls;
///
/// let error = Tls::from_files("/no/chain.pem", "/no/key.pem").unwrap_err();
/// assert!(error.to_string().starts_with("/no/chain.pem cannot be read"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The chain holds no certificate.
    NoCertificate,
    /// There is no private key.
    NoKey,
    /// Something is broken PEM.
    Malformed {
        /// The chain or the key, in words.
        what: &'static str,
        /// The fault of the certificate or key.
        why: String,
    },
    /// The private key is not that of the first certificate.
    KeyMismatch,
    /// rustls does not take it.
    Refused(rustls::Error),
    /// The configuration finds certificates in its own way.
    HasResolver,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsError::Unreadable { path, error } => {
                let path = path.display();
                return write!(f, "{path} cannot be read: {error}");
            }
            TlsError::Malformed { what, why } => {
                return write!(f, "{what} is broken PEM, make it anew: {why}");
            }
            TlsError::Refused(error) => {
                return write!(f, "TLS cannot be spoken with this: {error}");
            }
            TlsError::NoCertificate => {
                "the certificate chain is empty: give a PEM text with \"BEGIN CERTIFICATE\", the \
                 server's own certificate first"
            }
            TlsError::NoKey => {
                "there is no private key: give a PEM text with \"BEGIN PRIVATE KEY\", not encrypted"
            }
            TlsError::KeyMismatch => {
                "the private key is not that of the certificate: give the key of the first \
                 certificate in the chain"
            }
            TlsError::HasResolver => {
                "the configuration finds its certificates itself: let its resolver give another one"
            }
        })
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TlsError::Unreadable { error, .. } => Some(error),
            TlsError::Refused(error) => Some(error),
            _ => None,
        }
    }
}
