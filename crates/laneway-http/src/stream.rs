//! The bytes of a connection: a plain socket's, or those within TLS.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use laneway::net::TcpStream;

use super::adapters::write_together;
use super::tls::TlsStream;

/// A connection's stream. Clones are the same stream.
#[derive(Clone, Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(TlsStream),
}

impl Stream {
    /// Says that nothing more will be written. May be called again.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(stream) => Poll::Ready(stream.shutdown(Shutdown::Write)),
            Stream::Tls(stream) => stream.poll_finish(cx),
        }
    }

    /// Ends the connection in both directions, under the hands of the task that uses it.
    pub(crate) fn cut(&self) {
        // Without effect on one that is gone already.
        let _ = match self {
            Stream::Plain(stream) => stream.shutdown(Shutdown::Both),
            Stream::Tls(stream) => stream.tcp().shutdown(Shutdown::Both),
        };
    }

    /// Ready when the connection is over in both directions: the client has reset it, say.
    pub(crate) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Stream::Plain(stream) => stream.poll_over(cx),
            Stream::Tls(stream) => stream.poll_over(cx),
        }
    }

    /// How many bytes of what was written before have been sent since. A plain stream sends what
    /// it takes.
    pub(crate) fn sent_later(&self) -> u64 {
        match self {
            Stream::Plain(_) => 0,
            Stream::Tls(stream) => stream.sent(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, space),
            Stream::Tls(stream) => stream.poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => stream.poll_write(cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => write_together(stream, cx, slices),
            Stream::Tls(stream) => stream.poll_write(cx, slices),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_finish(cx)
    }
}
