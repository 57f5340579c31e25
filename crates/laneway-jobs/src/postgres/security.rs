//! The encryption that an address asks for: `sslmode` and `sslrootcert`, as Postgres defines them.

use tokio_postgres::config::SslMode;

use super::connect_error::ConnectError;

/// The demands of an address on the encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Security {
    pub(super) mode: SslMode,
    pub(super) proof: Proof,
    /// The file of the certificates that are trusted; the system's without one.
    pub(super) roots: Option<String>,
}

/// The proof that a server has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing: the connection is encrypted, to any server.
    Nothing,
    /// That a trusted authority knows it.
    Authority,
    /// That it has the name of the address as well.
    Name,
}

impl Security {
    pub(super) fn read(
        mode: Option<&str>,
        roots: Option<String>,
    ) -> Result<Security, ConnectError> {
        let (mode, proof) = match (mode.unwrap_or("prefer"), &roots) {
            ("disable", None) => (SslMode::Disable, Proof::Nothing),
            ("prefer", None) => (SslMode::Prefer, Proof::Nothing),
            ("require", None) => (SslMode::Require, Proof::Nothing),
            ("require", Some(_)) | ("verify-ca", _) => (SslMode::Require, Proof::Authority),
            ("verify-full", _) => (SslMode::Require, Proof::Name),
            ("disable" | "prefer", Some(_)) => {
                let message = "sslrootcert wants sslmode=require, verify-ca or verify-full";
                return Err(ConnectError::Url(message.to_owned()));
            }
            (other, _) => {
                return Err(ConnectError::Url(format!(
                    "sslmode is one of disable, prefer, require, verify-ca and verify-full, not \
                     {other:?}"
                )));
            }
        };
        let roots = roots.filter(|roots| roots != "system");
        Ok(Security { mode, proof, roots })
    }

    /// Whether a connection without encryption is refused.
    pub(super) fn is_required(&self) -> bool {
        self.mode == SslMode::Require
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mode: &str, roots: Option<&str>) -> Result<(SslMode, Proof), ConnectError> {
        let read = Security::read(Some(mode), roots.map(str::to_owned));
        read.map(|security| (security.mode, security.proof))
    }

    #[test]
    fn each_mode_is_obeyed_or_refused() {
        let (required, roots) = (SslMode::Require, Some("/a.pem"));
        assert_eq!(
            read("disable", None),
            Ok((SslMode::Disable, Proof::Nothing))
        );
        assert_eq!(read("require", None), Ok((required, Proof::Nothing)));
        assert_eq!(read("require", roots), Ok((required, Proof::Authority)));
        assert_eq!(read("verify-ca", None), Ok((required, Proof::Authority)));
        assert_eq!(read("verify-full", roots), Ok((required, Proof::Name)));
        for (mode, roots) in [
            ("allow", None),
            ("", None),
            ("prefer", roots),
            ("disable", roots),
        ] {
            let refused = read(mode, roots);
            assert!(matches!(refused, Err(ConnectError::Url(_))), "{mode}");
        }
    }
}
