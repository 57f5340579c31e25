//! The two halves of a connection, for two tasks.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::byte_stream::{ByteStream, Bytes};

/// The half of a connection that reads. Made by [`ByteStream::into_split`], which has an example.
///
/// Dropping it closes nothing while there is the other half, and a peer that goes on to send is not
/// told. By dereference it is the connection, whose addresses, options and
/// [`readable`](ByteStream::readable) it has.
#[must_use = "a connection closes when both halves are dropped"]
pub struct ReadHalf<S: Bytes> {
    stream: ByteStream<S>,
}

/// The half of a connection that writes. Made by [`ByteStream::into_split`], which has an example.
///
/// Dropping it closes its direction, once all that was written is sent: the peer finds the end. To
/// close it is the same. [`forget`](WriteHalf::forget) leaves the direction open. By dereference it
/// is the connection, whose addresses, options and [`writable`](ByteStream::writable) it has.
#[must_use = "dropping it tells the peer that nothing more is sent"]
pub struct WriteHalf<S: Bytes> {
    /// Taken out where its direction is to stay open.
    stream: Option<ByteStream<S>>,
}

/// Two halves that do not belong together. Gives both back.
///
/// ```
/// use laneway::net::{TcpListener, TcpStream};
///
/// laneway::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let (reader, writer) = TcpStream::connect(address).await?.into_split();
///     let (_, stray) = TcpStream::connect(address).await?.into_split();
///     let error = reader.reunite(stray).unwrap_err();
///     assert!(error.to_string().contains("two connections"));
///     assert!(error.reader.reunite(writer).is_ok());
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ReuniteError<S: Bytes> {
    /// The half that reads one connection.
    pub reader: ReadHalf<S>,
    /// The half that writes another.
    pub writer: WriteHalf<S>,
}

impl<S: Bytes> ByteStream<S> {
    /// A half that reads and a half that writes, to go to two tasks. When the one that writes is
    /// dropped, the peer finds the end of what was sent; [`ReadHalf`] and [`WriteHalf`] have more.
    ///
    /// ```
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    /// use laneway::net::{TcpListener, TcpStream};
    /// use laneway::spawn_task;
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     let (mut reader, mut writer) = client.into_split();
    ///     let sent = spawn_task!(async move { writer.write_all(b"question").await });
    ///     let (mut question, mut answer) = (String::new(), String::new());
    ///     (&server).read_to_string(&mut question).await?;
    ///     (&server).write_all(b"answer").await?;
    ///     drop(server);
    ///     reader.read_to_string(&mut answer).await?;
    ///     sent.await?;
    ///     assert_eq!((&*question, &*answer), ("question", "answer"));
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_split(self) -> (ReadHalf<S>, WriteHalf<S>) {
        let reader = ReadHalf {
            stream: self.clone(),
        };
        let writer = WriteHalf { stream: Some(self) };
        (reader, writer)
    }
}

impl<S: Bytes> ReadHalf<S> {
    /// The connection, of its two halves.
    ///
    /// # Errors
    ///
    /// If the other half is of another connection. The error gives both back.
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<ByteStream<S>, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.inner, &writer.inner) {
            return Err(ReuniteError {
                reader: self,
                writer,
            });
        }
        writer.forget();
        Ok(self.stream)
    }
}

impl<S: Bytes> WriteHalf<S> {
    /// Drops it and leaves its direction open, until the other half is dropped too.
    pub fn forget(mut self) {
        drop(self.stream.take());
    }
}

impl<S: Bytes> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            // It fails where the connection is closed already.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

impl<S: Bytes> Deref for ReadHalf<S> {
    type Target = ByteStream<S>;

    fn deref(&self) -> &ByteStream<S> {
        &self.stream
    }
}

impl<S: Bytes> Deref for WriteHalf<S> {
    type Target = ByteStream<S>;

    fn deref(&self) -> &ByteStream<S> {
        self.stream
            .as_ref()
            .expect("only the end of a half takes its stream")
    }
}

impl<S: Bytes> AsyncRead for ReadHalf<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.stream).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.stream).poll_read_vectored(cx, buffers)
    }
}

impl<S: Bytes> AsyncWrite for WriteHalf<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &**self).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &**self).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &**self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &**self).poll_close(cx)
    }
}

impl<S: Bytes> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.stream).finish()
    }
}

impl<S: Bytes> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&**self).finish()
    }
}

impl<S: Bytes> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two connections: reunite those that one `into_split` gave")
    }
}

impl<S: Bytes> std::error::Error for ReuniteError<S> {}
