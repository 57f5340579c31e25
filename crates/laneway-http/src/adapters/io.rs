//! hyper's bytes: any reader and writer of `futures_io`.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};

/// How much one read takes at most.
const SCRATCH: usize = 32 * 1024;

/// How much is written as one slice at most: copying it takes less time than the system saves.
const TOGETHER: usize = 4 * 1024;

thread_local! {
    /// The buffer that all reads go through, and small writes. The safe way to read into hyper's
    /// own buffer would set the whole of it to zero before each read; this one is set once, and
    /// what was read is copied.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// A stream of `futures_io`, such as [`laneway::net::TcpStream`], as hyper reads and writes it.
///
/// ```
/// use hyper::rt::{Read, ReadBuf};
/// use laneway_http::adapters::Io;
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// let mut io = Io::new(&b"hello"[..]);
/// let mut space = [0; 8];
/// let mut buffer = ReadBuf::new(&mut space);
/// laneway::block_on(poll_fn(|cx| Pin::new(&mut io).poll_read(cx, buffer.unfilled())))?;
/// assert_eq!(buffer.filled(), b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Io<T> {
    stream: T,
}

impl<T> Io<T> {
    /// Wraps a stream.
    pub fn new(stream: T) -> Io<T> {
        Io { stream }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &T {
        &self.stream
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.stream
    }
}

/// Reads at most `most` bytes and hands them to `take`; an end of the stream is no bytes.
pub(crate) fn read_through<T: AsyncRead + Unpin, R>(
    stream: &mut T,
    cx: &mut Context<'_>,
    most: usize,
    take: impl FnOnce(&[u8]) -> R,
) -> Poll<io::Result<R>> {
    BUFFER.with_borrow_mut(|buffer| {
        let space = &mut buffer[..most.min(SCRATCH)];
        let bytes = ready!(Pin::new(stream).poll_read(cx, space))?;
        Poll::Ready(Ok(take(&space[..bytes])))
    })
}

/// Writes slices as one, if they are small together: the system takes that sooner than several
/// (T29). The stream must not read through the buffer meanwhile.
pub(crate) fn write_together<T: AsyncWrite + Unpin>(
    stream: &mut T,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
    if slices.len() < 2 || bytes > TOGETHER {
        return Pin::new(stream).poll_write_vectored(cx, slices);
    }
    BUFFER.with_borrow_mut(|buffer| {
        let mut end = 0;
        for slice in slices {
            buffer[end..][..slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        Pin::new(stream).poll_write(cx, &buffer[..end])
    })
}

impl<T: AsyncRead + Unpin> Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let most = cursor.remaining();
        read_through(&mut self.stream, cx, most, |bytes| cursor.put_slice(bytes))
    }
}

impl<T: AsyncWrite + Unpin> Write for Io<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Keeps the sizes of the slices of each write, and the bytes.
    #[derive(Default)]
    struct Sink {
        writes: Vec<Vec<usize>>,
        bytes: Vec<u8>,
    }

    impl AsyncWrite for Sink {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let sizes: Vec<usize> = slices.iter().map(|slice| slice.len()).collect();
            let size = sizes.iter().sum();
            self.writes.push(sizes);
            slices
                .iter()
                .for_each(|slice| self.bytes.extend_from_slice(slice));
            Poll::Ready(Ok(size))
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[track_caller]
    fn assert_written(parts: [&[u8]; 3], sizes: &[usize]) {
        let mut sink = Sink::default();
        let slices = parts.map(IoSlice::new);
        let mut cx = Context::from_waker(Waker::noop());
        let written = write_together(&mut sink, &mut cx, &slices);
        assert!(matches!(written, Poll::Ready(Ok(bytes)) if bytes == sink.bytes.len()));
        assert_eq!(sink.bytes, parts.concat());
        assert_eq!(sink.writes, [sizes]);
    }

    #[test]
    fn small_parts_are_written_as_one_and_large_ones_are_not_copied() {
        assert_written([b"head", b"", b"body"], &[8]);
        assert_written([&[1; TOGETHER - 2], b"2", b"3"], &[TOGETHER]);
        assert_written([b"head", &[1; TOGETHER], b"3"], &[4, TOGETHER, 1]);
    }
}
