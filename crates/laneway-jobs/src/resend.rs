//! Sends an operation again while its outcome is unknown.

use std::time::Duration;

use laneway::time::sleep;

use crate::store::{StoreError, StoreFuture};

/// How often at most; the pauses between grow to a quarter of a second.
const SENDS: u32 = 8;

/// Sends what can be sent again without harm: inserts by their ids, all else by its fence.
pub(crate) async fn resend<'s, T>(
    mut send: impl FnMut() -> StoreFuture<'s, T>,
) -> Result<T, StoreError> {
    for sent in 1..SENDS {
        match send().await {
            Err(StoreError::OutcomeUnknown) => sleep(Duration::from_millis(1 << sent)).await,
            answer => return answer,
        }
    }
    send().await
}
