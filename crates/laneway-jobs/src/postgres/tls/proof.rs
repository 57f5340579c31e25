//! The proof by which a connection believes a server.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::super::connect_error::ConnectError;
use super::super::security::{Proof, Security};

/// Where systems keep the certificates that they trust.
const OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub(super) fn verifier(
    security: &Security,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ConnectError> {
    let trust = match security.proof {
        Proof::Nothing => None,
        proof => Some(Trust::new(security, proof, provider)?),
    };
    let provider = provider.clone();
    Ok(Arc::new(Verifier { trust, provider }))
}

fn of_system() -> Result<PathBuf, ConnectError> {
    let named = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let found = OF_SYSTEMS.iter().map(PathBuf::from);
    let found = named.or_else(|| found.into_iter().find(|path| path.is_file()));
    let none = "the system has none in a usual place; name one by sslrootcert=FILE";
    found.ok_or_else(|| no_roots(Path::new("system"), none))
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    all.map_err(|error| no_roots(path, &error.to_string()))
}

fn no_roots(path: &Path, message: &str) -> ConnectError {
    ConnectError::RootCertificates {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

/// The authorities that are believed.
#[derive(Debug)]
struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    proof: Proof,
}

impl Trust {
    fn new(
        security: &Security,
        proof: Proof,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Trust, ConnectError> {
        let path = match &security.roots {
            Some(path) => PathBuf::from(path),
            None => of_system()?,
        };
        let trusted = read(&path)?;
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
        if added == 0 {
            return Err(no_roots(&path, "it has no certificate in PEM"));
        }
        let (roots, provider) = (Arc::new(roots), provider.clone());
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        let inner = inner.map_err(|error| no_roots(&path, &error.to_string()))?;
        Ok(Trust {
            inner,
            trusted,
            proof,
        })
    }

    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trusted.iter().any(|trusted| trusted == certificate) {
            return self.verify_trusted(certificate, name);
        }
        let verified = self
            .inner
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            // The name is looked at last, when all else is well.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.proof == Proof::Authority => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    /// A server may show a certificate that is trusted itself, which is no authority's word.
    fn verify_trusted(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        if self.proof == Proof::Name {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }
}

/// Believes the servers that an authority knows. Without authorities it believes any server that
/// has the key of its certificate, as `sslmode=require` says.
#[derive(Debug)]
struct Verifier {
    trust: Option<Trust>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Some(trust) => trust.verify(certificate, intermediates, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
