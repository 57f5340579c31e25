//! Find the fault: after an error, the other orders are never finished.

use async_task::Task;
use chapter_07::{JoinError, try_gather};

/// Waits until all tasks have ended. Gives their outputs, or the error of the first in the list
/// that has none.
pub async fn all<T>(tasks: Vec<Task<T>>) -> Result<Vec<T>, JoinError> {
    let mut outputs = Vec::new();
    for task in tasks {
        let outcome = try_gather(vec![task]).await.remove(0);
        outputs.push(outcome?);
    }
    Ok(outputs)
}
