//! The task or the caller that reads and writes for a client.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use laneway::{ShutdownBegun, shutdown_begun};

/// A connection, which ends when its client does.
pub(super) type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task or caller that polls the connection of a client.
pub(super) enum Driver {
    /// A task on the high queue.
    Task,
    /// The operations of the client, where there is no runtime.
    Operations(Connection),
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Driver::Task => "Task",
            Driver::Operations(_) => "Operations",
        })
    }
}

impl Driver {
    /// Runs an operation, which waits for what the connection reads and writes.
    pub(super) async fn run<T>(&mut self, operation: impl Future<Output = T>) -> T {
        let Driver::Operations(connection) = self else {
            return operation.await;
        };
        let served = async {
            connection.as_mut().await;
            // The operation learns of the end by itself.
            std::future::pending().await
        };
        futures_lite::future::or(operation, served).await
    }
}

/// The task of a connection. It goes on while the runtime shuts down, since what the last tasks
/// settle goes through it; but a client that is not in use should be dropped then.
pub(super) struct Serving<F> {
    connection: Connection,
    begun: ShutdownBegun,
    retire: Option<F>,
}

impl<F: FnOnce()> Serving<F> {
    pub(super) fn new(
        connection: impl Future<Output = ()> + Send + 'static,
        retire: F,
    ) -> Serving<F> {
        Serving {
            connection: Box::pin(connection),
            begun: shutdown_begun(),
            retire: Some(retire),
        }
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }
}

impl<F: FnOnce() + Unpin> Future for Serving<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.begun).poll(cx).is_ready()
            && let Some(retire) = self.retire.take()
        {
            retire();
        }
        self.connection.as_mut().poll(cx)
    }
}
