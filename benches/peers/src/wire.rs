//! Whether a server speaks within TLS.

/// The layer between the socket and HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

impl Wire {
    /// Its word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Wire::Plain => "plain",
            Wire::Tls => "tls",
        }
    }
}
