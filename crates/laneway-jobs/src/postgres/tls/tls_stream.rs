//! A stream within TLS: rustls makes and reads the records, a socket carries them.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ClientConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::ChannelBinding;

use super::super::socket::PostgresSocket;

/// A stream within TLS.
pub(super) struct TlsStream {
    socket: PostgresSocket,
    session: ClientConnection,
}

impl TlsStream {
    /// After the handshake.
    pub(super) async fn begin(
        socket: PostgresSocket,
        session: ClientConnection,
    ) -> io::Result<TlsStream> {
        let mut stream = TlsStream { socket, session };
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            self.process(cx)?;
        }
    }

    /// Reads from the socket what rustls takes.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let socket = &mut self.socket;
        or_pending(self.session.read_tls(&mut Wire { socket, cx }))
    }

    /// Lets rustls understand what was read. If it does not, it has an alert for the server.
    fn process(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.session.process_new_packets().map_err(|error| {
            let _ = self.poll_send(cx);
            io::Error::new(ErrorKind::InvalidData, error)
        })?;
        Ok(())
    }

    /// Ready when the socket has taken all that rustls has for it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let socket = &mut self.socket;
            let sent = self.session.write_tls(&mut Wire { socket, cx });
            if ready!(or_pending(sent))? == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn or_pending<T>(moved: io::Result<T>) -> Poll<io::Result<T>> {
    match moved {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        moved => Poll::Ready(moved),
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.session.reader().read(space.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|bytes| space.advance(bytes))),
            }
            ready!(self.poll_receive(cx))?;
            self.process(cx)?;
            // An answer of TLS itself, which has no other occasion to be sent.
            if let Poll::Ready(sent) = self.poll_send(cx) {
                sent?;
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    /// Encrypts what there is room for. The socket may take it later: a flush waits for it.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let written = self.session.writer().write(bytes)?;
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // From the second time on, rustls does nothing.
        self.session.send_close_notify();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl tokio_postgres::tls::TlsStream for TlsStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// The socket as rustls uses it: what is pending would block, and wakes the task.
struct Wire<'a, 'b> {
    socket: &'a mut PostgresSocket,
    cx: &'a mut Context<'b>,
}

fn unless_pending<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut space = ReadBuf::new(space);
        unless_pending(Pin::new(&mut *self.socket).poll_read(self.cx, &mut space))?;
        Ok(space.filled().len())
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_pending(Pin::new(&mut *self.socket).poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_pending(Pin::new(&mut *self.socket).poll_flush(self.cx))
    }
}
