//! A `gather` that blocks the thread of whoever polls it.

use async_task::Task;
use chapter_07::join_all;

/// As [`join_all`], for async code.
pub async fn gather<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    join_all(tasks)
}
