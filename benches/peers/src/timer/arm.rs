//! A sleep's first poll.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls a future once: a sleep is known to its timer from then on.
pub(crate) async fn arm<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        let ended = future.as_mut().poll(cx);
        assert!(ended.is_pending(), "a sleep ended before it was armed");
        Poll::Ready(())
    })
    .await;
}
