//! Waiting for tasks by blocking, one ticket after the other.

use async_task::Task;
use futures_lite::future::block_on;

/// Waits until all tasks have ended, and gives their outputs in that order.
pub async fn gather<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    tasks.into_iter().map(block_on).collect()
}
