//! A certificate with its key, as files have it and as clients are shown it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::tls_error::TlsError;

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A chain of certificates and the key of the first.
pub(super) struct Certificate(Arc<CertifiedKey>);

impl Certificate {
    pub(super) fn read(chain: &[u8], key: &[u8]) -> Result<Certificate, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|error| TlsError::Malformed {
            what: "the certificate chain",
            why: error.to_string(),
        })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(no_key)?;
        let certified = CertifiedKey::from_der(chain, key, &provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
            error => TlsError::Refused(error),
        })?;
        Ok(Certificate(Arc::new(certified)))
    }
}

fn no_key(error: pem::Error) -> TlsError {
    match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        error => TlsError::Malformed {
            what: "the private key",
            why: error.to_string(),
        },
    }
}

/// The certificate that clients are shown now.
#[derive(Debug)]
pub(super) struct Shown(Mutex<Arc<CertifiedKey>>);

impl Shown {
    pub(super) fn new(certificate: Certificate) -> Shown {
        Shown(Mutex::new(certificate.0))
    }

    pub(super) fn replace(&self, certificate: Certificate) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificate.0;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(now.clone())
    }
}
