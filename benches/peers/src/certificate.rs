//! The certificate that all servers show within TLS: for `localhost`, its own authority, valid for a
//! hundred years.

pub(crate) const CHAIN: &str =
    include_str!("../../../crates/laneway-http/tests/certificates/first.pem");
