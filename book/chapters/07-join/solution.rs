//! A solution: all tickets are looked at whenever one of them may have an output.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use async_task::Task;

/// Gives the first output that there is, and cancels the other tasks.
pub async fn first<T>(mut tasks: Vec<Task<T>>) -> T {
    poll_fn(|cx| {
        // Every task gets the waker, whichever of them it is that will use it.
        for task in &mut tasks {
            if let Poll::Ready(output) = Pin::new(task).poll(cx) {
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    })
    .await
    // The vector is dropped here, and with it the tickets of the others.
}
