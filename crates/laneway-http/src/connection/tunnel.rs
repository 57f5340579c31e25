//! The bytes of a connection that hyper has given away (`exchange/handover.rs`).

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use futures_io::AsyncRead;

use crate::adapters::read_through;
use crate::exchange::{Origin, cut_off};
use crate::fleet::access_log::tell_of_upgrade;
use crate::fleet::{Order, Watch};
use crate::stream::Stream;

/// A connection's bytes that belong to another protocol now. Dropped, it lets the connection's task
/// end the connection.
pub(crate) struct Tunnel {
    /// The bytes that came behind the request, and were not read yet.
    first: BytesMut,
    origin: Arc<Origin>,
    /// The request that was an upgrade.
    request: u64,
}

impl Tunnel {
    pub(crate) fn new(first: BytesMut, origin: Arc<Origin>, request: u64) -> Tunnel {
        let mut tunnel = Tunnel {
            first,
            origin,
            request,
        };
        tunnel.free_first();
        tunnel
    }

    /// Gives the memory of the first bytes back once they are read: a connection may rest for long.
    fn free_first(&mut self) {
        if self.first.is_empty() {
            self.first = BytesMut::new();
        }
    }

    /// The connection, and the number of the request that was an upgrade.
    pub(crate) fn place(&self) -> (&Arc<Watch>, u64) {
        (&self.origin.watch, self.request)
    }

    /// Reads into a caller's buffer.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.first.is_empty() {
            let bytes = self.first.len().min(space.len());
            self.first.copy_to_slice(&mut space[..bytes]);
            self.free_first();
            return Poll::Ready(Ok(bytes));
        }
        let read = Pin::new(stream).poll_read(cx, space);
        read.map(|read| self.unless_cut(read))
    }

    /// Reads at most `most` bytes, and hands them to `take`.
    pub(crate) fn poll_take(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        most: usize,
        take: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let bytes = self.first.len().min(most);
            take(&self.first.split_to(bytes));
            self.free_first();
            return Poll::Ready(Ok(()));
        }
        let read = read_through(stream, cx, most, |bytes| {
            take(bytes);
            bytes.len()
        });
        read.map(|read| self.unless_cut(read).map(drop))
    }

    /// An end that the server has made is not the client's.
    fn unless_cut(&self, read: io::Result<usize>) -> io::Result<usize> {
        match read {
            Ok(0) if self.origin.watch.order() == Order::Cut => Err(cut_off()),
            read => read,
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let watch = &self.origin.watch;
        if let Some(request) = watch.end_upgrade(self.request) {
            tell_of_upgrade(watch, &request);
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.origin.watch.peer();
        f.debug_struct("Tunnel").field("peer", &peer).finish()
    }
}
