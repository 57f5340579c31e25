//! The protocol that a client speaks, by its first bytes.

/// The bytes with which HTTP/2 begins.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// The protocol, unless more bytes have to come first.
pub(crate) fn protocol(bytes: &[u8]) -> Option<Protocol> {
    if bytes.starts_with(PREFACE) {
        return Some(Protocol::Http2);
    }
    (!PREFACE.starts_with(bytes)).then_some(Protocol::Http1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_the_first_byte_that_differs() {
        for end in 0..PREFACE.len() {
            assert_eq!(protocol(&PREFACE[..end]), None);
            let other = [&PREFACE[..end], b"?"].concat();
            assert_eq!(protocol(&other), Some(Protocol::Http1));
        }
        assert_eq!(protocol(PREFACE), Some(Protocol::Http2));
        assert_eq!(protocol(&[PREFACE, b"?"].concat()), Some(Protocol::Http2));
    }
}
