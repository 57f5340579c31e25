//! The reasons for which a handshake of TLS has no success.

/// Why there is no TLS with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    dead_code,
    reason = "without the feature there is no handshake to fail"
)]
pub(crate) enum NoHandshake {
    /// The client is gone or has had its time, or the server ends.
    Gone,
    /// The client sent no TLS, or none that the server speaks. An alert has been sent.
    Failed,
    /// The client speaks HTTP without TLS.
    PlainHttp,
}
