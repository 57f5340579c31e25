//! A stream within TLS: rustls makes and reads the records, a socket carries them.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use laneway::net::TcpStream;
use rustls::ServerConnection;

use crate::no_handshake::NoHandshake;

/// A stream within TLS. Clones are the same stream. One task reads and one writes, which may be the
/// same.
#[derive(Clone)]
pub(crate) struct TlsStream(Arc<Mutex<Session>>);

struct Session {
    tcp: TcpStream,
    rustls: ServerConnection,
    /// The first byte that the client has sent.
    first: Option<u8>,
    /// Bytes that the socket has taken.
    sent: u64,
    /// The task that waits for the socket to take what was written. None: it does not wait.
    writer: Option<Waker>,
}

impl TlsStream {
    pub(crate) fn new(tcp: TcpStream, rustls: ServerConnection) -> TlsStream {
        TlsStream(Arc::new(Mutex::new(Session {
            tcp,
            rustls,
            first: None,
            sent: 0,
            writer: None,
        })))
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket itself.
    pub(crate) fn tcp(&self) -> TcpStream {
        self.session().tcp.clone()
    }

    /// Whether the client has sent anything.
    pub(crate) fn has_begun(&self) -> bool {
        self.session().first.is_some()
    }

    /// How many bytes the socket has taken.
    pub(crate) fn sent(&self) -> u64 {
        self.session().sent
    }

    pub(crate) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.session().tcp.poll_over(cx)
    }

    pub(crate) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), NoHandshake>> {
        self.session().poll_handshake(cx)
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.session().poll_read(cx, space)
    }

    /// Encrypts what there is room for. The socket may take it later: [`poll_flush`] waits for it.
    ///
    /// [`poll_flush`]: TlsStream::poll_flush
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut session = self.session();
        // Earlier bytes go first, so that no more is kept than rustls has room for.
        ready!(session.poll_write_out(cx))?;
        let bytes = session.rustls.writer().write_vectored(slices)?;
        if let Poll::Ready(sent) = session.poll_write_out(cx) {
            sent?;
        }
        Poll::Ready(Ok(bytes))
    }

    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session().poll_write_out(cx)
    }

    /// Says that nothing more will be written, within TLS and to the socket.
    pub(crate) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut session = self.session();
        // From the second time on, rustls does nothing.
        session.rustls.send_close_notify();
        ready!(session.poll_write_out(cx))?;
        Poll::Ready(session.tcp.shutdown(Shutdown::Write))
    }
}

impl Session {
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NoHandshake>> {
        loop {
            if ready!(self.poll_send(cx)).is_err() {
                return Poll::Ready(Err(NoHandshake::Gone));
            }
            if !self.rustls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if !matches!(ready!(self.poll_receive(cx)), Ok(1..)) {
                return Poll::Ready(Err(NoHandshake::Gone));
            }
            // The name of a method, where a record of TLS has its kind.
            if self.first.is_some_and(|byte| byte.is_ascii_uppercase()) {
                return Poll::Ready(Err(NoHandshake::PlainHttp));
            }
            if let Err(error) = self.process(cx) {
                log::debug!("a handshake has failed: {error}");
                return Poll::Ready(Err(NoHandshake::Failed));
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.rustls.reader().read(space) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Without the client's goodbye. HTTP knows by itself whether something is missing.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(0));
                }
                read => return Poll::Ready(read),
            }
            ready!(self.poll_receive(cx))?;
            self.process(cx)?;
            self.send_of_reader(cx)?;
        }
    }

    /// Reads from the socket what rustls takes.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Session {
            tcp, rustls, first, ..
        } = self;
        let mut socket = Socket { tcp, cx, first };
        match rustls.read_tls(&mut socket) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        }
    }

    /// Lets rustls understand what was read. If it does not, it has an alert for the client.
    fn process(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.rustls.process_new_packets().map_err(|error| {
            let _ = self.poll_send(cx);
            io::Error::new(ErrorKind::InvalidData, error)
        })?;
        Ok(())
    }

    /// Sends an answer of TLS itself, which has no other occasion to be sent. The socket wakes one
    /// task that waits to send: a writer that does so keeps its place.
    fn send_of_reader(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let writer = self.writer.clone();
        let sent = match &writer {
            Some(writer) => self.poll_send(&mut Context::from_waker(writer)),
            None => self.poll_send(cx),
        };
        match sent {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    /// As [`poll_send`](Session::poll_send), for the task that writes.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.poll_send(cx);
        self.writer = sent.is_pending().then(|| cx.waker().clone());
        sent
    }

    /// Ready when the socket has taken all that rustls has for it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.rustls.wants_write() {
            let (tcp, first) = (&mut self.tcp, &mut self.first);
            let mut socket = Socket { tcp, cx, first };
            match self.rustls.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Ok(bytes) => self.sent += bytes as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The socket as rustls uses it: what is pending would block, and wakes the task.
struct Socket<'a, 'b> {
    tcp: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
    first: &'a mut Option<u8>,
}

fn unless_pending<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Read for Socket<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let bytes = unless_pending(Pin::new(&mut *self.tcp).poll_read(self.cx, space))?;
        if bytes > 0 {
            self.first.get_or_insert(space[0]);
        }
        Ok(bytes)
    }
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_pending(Pin::new(&mut *self.tcp).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        unless_pending(Pin::new(&mut *self.tcp).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}
