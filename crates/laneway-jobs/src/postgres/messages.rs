//! The messages of a connection beside its client's answers; asking for them moves the bytes.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use futures_lite::future::or;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection, Error};

use super::failure::in_words;

type Said = Option<Result<AsyncMessage, Error>>;

/// The messages of a connection, with or without TLS below it.
pub(super) struct Messages(Box<PollMessage>);

type PollMessage = dyn FnMut(&mut Context<'_>) -> Poll<Said> + Send;

impl Messages {
    pub(super) fn of<S, T>(mut connection: Connection<S, T>) -> Messages
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Messages(Box::new(move |cx| connection.poll_message(cx)))
    }

    /// `None` where the connection has ended.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub(super) async fn next(&mut self) -> Said {
        poll_fn(|cx| (self.0)(cx)).await
    }

    /// Moves the bytes for an operation of the client.
    pub(super) async fn run<T>(&mut self, operation: impl Future<Output = T>) -> T {
        let moved = async {
            while let Some(Ok(_)) = self.next().await {}
            // The operation learns of the end by itself.
            std::future::pending().await
        };
        or(operation, moved).await
    }

    /// Moves the bytes until the connection ends.
    pub(super) async fn serve(mut self) {
        while let Some(said) = self.next().await {
            if let Err(error) = said {
                log::debug!("a connection has ended: {}", in_words(&error));
                return;
            }
        }
    }
}
