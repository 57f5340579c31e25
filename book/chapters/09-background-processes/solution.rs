//! A solution: the panic is caught around every poll, and a new future begins from the start.

use std::panic::AssertUnwindSafe;

use futures_lite::FutureExt;
use futures_lite::future::yield_now;

/// Runs the future that `make` makes. When that panics, makes another and runs it.
pub async fn tended<F: Future>(mut make: impl FnMut() -> F) -> F::Output {
    loop {
        if let Ok(output) = AssertUnwindSafe(make()).catch_unwind().await {
            return output;
        }
        // One that panics at once, each time, must not keep the consumer for itself.
        yield_now().await;
    }
}
