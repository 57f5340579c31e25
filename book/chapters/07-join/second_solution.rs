//! A solution: all outcomes are there before the first is looked at. An early `?` drops tickets.

use async_task::Task;
use chapter_07::{JoinError, try_gather};

/// Waits until all tasks have ended. Gives their outputs, or the error of the first in the list
/// that has none.
pub async fn all<T>(tasks: Vec<Task<T>>) -> Result<Vec<T>, JoinError> {
    let outcomes = try_gather(tasks).await;
    outcomes.into_iter().collect()
}
