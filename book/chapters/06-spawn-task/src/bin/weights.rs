//! What does a future weigh? One that keeps a buffer, one that does not, and some wrappers.

use futures_lite::future::yield_now;

// ANCHOR: futures
/// Keeps four kilobytes while it waits.
async fn keeps() -> usize {
    let clay = [0_u8; 4096];
    yield_now().await;
    clay.len()
}

/// Has them only before it waits.
async fn lets_go() -> usize {
    let amount = {
        let clay = [0_u8; 4096];
        clay.len()
    };
    yield_now().await;
    amount
}

/// A wrapper that adds nothing.
async fn wrapped<F: Future>(future: F) -> F::Output {
    future.await
}
// ANCHOR_END: futures

fn weigh<F: Future>(what: &str, future: &F) {
    println!("{what}: {} bytes", size_of_val(future));
}

fn main() {
    weigh("keeps a buffer across an await", &keeps());
    weigh("has the buffer before the await only", &lets_go());
    weigh("the first in a wrapper", &wrapped(keeps()));
    weigh("in two", &wrapped(wrapped(keeps())));
    weigh("in three", &wrapped(wrapped(wrapped(keeps()))));
    weigh(
        "in three, around a box",
        &wrapped(wrapped(wrapped(Box::pin(keeps())))),
    );
}
