//! A socket of laneway's in the shape that tokio-postgres reads and writes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::io::ReadBuf;

/// The transport below a connection.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Transport for S {}

/// A connected socket.
pub(super) struct PostgresSocket(Pin<Box<dyn Transport>>);

impl PostgresSocket {
    pub(super) fn of(transport: impl Transport + 'static) -> PostgresSocket {
        PostgresSocket(Box::pin(transport))
    }
}

impl tokio::io::AsyncRead for PostgresSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.0.as_mut().poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for PostgresSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_close(cx)
    }
}
