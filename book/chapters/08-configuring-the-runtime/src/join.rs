//! Waiting for several tasks.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;

use async_task::Task;
use futures_lite::future::{FutureExt, block_on};

/// Blocks this thread until all tasks have ended, and gives their outputs in that order.
///
/// Goes on with the panic of the first task, in that order, that panicked.
pub fn join_all<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Vec<T> {
    block_on(gather(tasks.into_iter().collect()))
}

/// As [`join_all`], for async code: it waits and does not block.
pub async fn gather<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await);
    }
    outputs
}

/// Blocks this thread until all tasks have ended, and gives a result for each, in that order.
pub fn try_join_all<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Vec<Result<T, JoinError>> {
    block_on(try_gather(tasks.into_iter().collect()))
}

/// As [`try_join_all`], for async code.
pub async fn try_gather<T>(tasks: Vec<Task<T>>) -> Vec<Result<T, JoinError>> {
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        outcomes.push(outcome(task).await);
    }
    outcomes
}

/// What became of a task.
async fn outcome<T>(task: Task<T>) -> Result<T, JoinError> {
    match AssertUnwindSafe(task.fallible()).catch_unwind().await {
        Ok(Some(output)) => Ok(output),
        Ok(None) => Err(JoinError::Cancelled),
        Err(payload) => Err(JoinError::Panicked(payload)),
    }
}

/// Why a task has no output.
pub enum JoinError {
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// No consumer is left to run it.
    Cancelled,
}

/// How the task ended, with the message of its panic.
impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked(payload) => write!(f, "the task panicked: {}", message(payload)),
            JoinError::Cancelled => write!(f, "the task was cancelled"),
        }
    }
}

/// The same: a payload may be of any type, and has no other text to show.
impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

/// What was said in a panic, if it was a text: a payload may be anything.
fn message(payload: &Box<dyn Any + Send>) -> &str {
    let payload: &dyn Any = &**payload;
    if let Some(message) = payload.downcast_ref::<&str>() {
        return message;
    }
    let message = payload.downcast_ref::<String>();
    message.map_or("a payload without a message", String::as_str)
}
