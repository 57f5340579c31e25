//! A stream in HTTP/2 that belongs to another protocol, and the right to take it.
//!
//! hyper gives the stream of a `CONNECT` to the task that waits for it as soon as it has the
//! answer, and the connection stays one of HTTP/2 with other requests on it. So there is nothing to
//! hand over here (`handover.rs`), but the connection has to know how long the stream lasts: it
//! neither rests nor ends before that, and its report names the stream.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Executor, Read, ReadBuf, Write};
use hyper::upgrade::OnUpgrade;

use crate::adapters::HighQueue;
use crate::fleet::access_log::tell_of_upgrade;
use crate::fleet::{Order, Watch};

/// How much is given to hyper at once: it copies that, and keeps two or three such pieces.
const PIECE: usize = 16 * 1024;

/// The right to a stream that a service may give away, of the task that waits for the stream or has
/// it. Once no part of it is left, the request is over, or is left to its answer.
pub(crate) struct Claim {
    watch: Arc<Watch>,
    request: u64,
    queue: HighQueue,
}

/// The wait for a stream, with the right to it.
#[derive(Clone)]
pub(crate) struct Awaited {
    pub(crate) of_hyper: OnUpgrade,
    claim: Arc<Claim>,
}

/// A stream's bytes. Dropped, it lets the stream end.
pub(crate) struct Streamed {
    /// None once it is dropped.
    io: Option<hyper::upgrade::Upgraded>,
    claim: Arc<Claim>,
}

impl Claim {
    /// Notes that no task will take the stream, or that the one which had it has ended.
    fn leave(&self) {
        if let Some(request) = self.watch.leave_stream(self.request) {
            tell_of_upgrade(&self.watch, &request);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Awaited {
    /// To be called on the connection's task.
    pub(crate) fn new(of_hyper: OnUpgrade, watch: Arc<Watch>, request: u64) -> Awaited {
        let queue = HighQueue::current();
        let claim = Arc::new(Claim {
            watch,
            request,
            queue,
        });
        Awaited { of_hyper, claim }
    }

    pub(crate) fn take(&self, io: hyper::upgrade::Upgraded) -> Streamed {
        Streamed {
            io: Some(io),
            claim: self.claim.clone(),
        }
    }
}

impl Streamed {
    /// The connection, and the number of the request there.
    pub(crate) fn place(&self) -> (&Arc<Watch>, u64) {
        (&self.claim.watch, self.claim.request)
    }

    fn io(&mut self) -> Pin<&mut hyper::upgrade::Upgraded> {
        Pin::new(self.io.as_mut().expect("it is there until the drop"))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        let read = ready!(self.io().poll_read(cx, buffer.unfilled()));
        let read = read.map(|()| buffer.filled().len());
        Poll::Ready(match read {
            Ok(0) | Err(_) if self.claim.watch.order() == Order::Cut => Err(cut_off()),
            read => read,
        })
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        self.io().poll_write(cx, piece)
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}

/// The error of a read that the end of the server has ended: an end would be the client's.
pub(crate) fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the server has ended, and cut this connection off",
    )
}

impl Drop for Streamed {
    /// Lets hyper send what is written. A client that does not read it has the time of any answer.
    fn drop(&mut self) {
        let (Some(mut io), claim) = (self.io.take(), self.claim.clone()) else {
            return;
        };
        claim.watch.part_from_stream(claim.request);
        self.claim.queue.execute(async move {
            // Ready when all is sent, the client has reset the stream, or the connection is over.
            let _ = poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx)).await;
            drop(io);
            claim.leave();
        });
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.claim.request;
        f.debug_struct("Awaited")
            .field("request", &request)
            .finish()
    }
}
