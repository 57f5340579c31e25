//! Find the fault: the kiln was sold, and still it is being tended.

use std::sync::Weak;

use futures_lite::future::yield_now;

/// Works on a shared value, again and again, and ends when it is the only one left to want it.
pub async fn tend<T>(shared: Weak<T>, mut work: impl FnMut(&T)) {
    let Some(shared) = shared.upgrade() else {
        return;
    };
    loop {
        work(&shared);
        yield_now().await;
    }
}
