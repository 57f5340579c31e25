//! A solution: a future around the future, which counts as it passes each poll on.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Gives the output of a future, and how many polls it took.
pub async fn counted<F: Future>(future: F) -> (F::Output, u32) {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready((output, polls)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
