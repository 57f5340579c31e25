//! The setting that makes a server one of HTTPS.

use super::server::Server;
use super::tls::Tls;

impl<S> Server<S> {
    /// Serves HTTPS alone, by this certificate. The module [`tls`](super::tls) has an example.
    pub fn tls(self, tls: Tls) -> Server<S> {
        Server {
            tls: Some(tls),
            ..self
        }
    }
}
