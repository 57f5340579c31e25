//! A solution: both futures are polled whenever one of them may have moved.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Gives the outputs of two futures when both are ready.
pub async fn both<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut two) = (None, None);
    poll_fn(|cx| {
        // A future that has given its output must not be polled again.
        if one.is_none()
            && let Poll::Ready(output) = first.as_mut().poll(cx)
        {
            one = Some(output);
        }
        if two.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(cx)
        {
            two = Some(output);
        }
        match one.is_some() && two.is_some() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    one.zip(two).expect("both are ready")
}
