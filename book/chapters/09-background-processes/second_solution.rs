//! A solution: nothing that keeps the value alive is held over an `.await`.

use std::sync::Weak;

use futures_lite::future::yield_now;

/// Works on a shared value, again and again, and ends when it is the only one left to want it.
pub async fn tend<T>(shared: Weak<T>, mut work: impl FnMut(&T)) {
    while let Some(value) = shared.upgrade() {
        work(&value);
        drop(value);
        yield_now().await;
    }
}
