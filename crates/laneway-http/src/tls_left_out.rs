//! In place of TLS where the feature is off: there is none.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use laneway::net::TcpStream;

use super::no_handshake::NoHandshake;

/// A certificate and all else: there is none.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Infallible);

impl Tls {
    pub(crate) fn stream(&self, _tcp: TcpStream) -> TlsStream {
        match self.0 {}
    }
}

/// A stream within TLS: there is none.
#[derive(Clone, Debug)]
pub(crate) struct TlsStream(Infallible);

impl TlsStream {
    pub(crate) fn tcp(&self) -> TcpStream {
        match self.0 {}
    }

    pub(crate) fn has_begun(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn sent(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn poll_over(&self, _cx: &mut Context<'_>) -> Poll<()> {
        match self.0 {}
    }

    pub(crate) fn poll_handshake(&self, _cx: &mut Context<'_>) -> Poll<Result<(), NoHandshake>> {
        match self.0 {}
    }

    pub(crate) fn poll_finish(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    pub(crate) fn poll_read(
        &self,
        _cx: &mut Context<'_>,
        _space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    pub(crate) fn poll_write(
        &self,
        _cx: &mut Context<'_>,
        _slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    pub(crate) fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
