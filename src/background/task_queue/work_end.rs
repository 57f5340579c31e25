//! The end of a piece of work.

use std::sync::Arc;
use std::time::Duration;

use super::take_error::TakeError;
use super::work_status::WorkStatus;

/// How a piece of work has ended.
pub(super) enum WorkEnd<T> {
    Done(Box<T>),
    Failed(Arc<str>),
    TimedOut(Duration),
    Cancelled,
}

impl<T> WorkEnd<T> {
    pub(super) fn status(&self) -> WorkStatus {
        match self {
            WorkEnd::Done(_) => WorkStatus::Done,
            WorkEnd::Cancelled => WorkStatus::Cancelled,
            WorkEnd::Failed(message) => WorkStatus::Failed {
                message: message.clone(),
            },
            WorkEnd::TimedOut(limit) => WorkStatus::Failed {
                message: too_long(*limit),
            },
        }
    }

    pub(super) fn into_result(self) -> Result<T, TakeError> {
        match self {
            WorkEnd::Done(value) => Ok(*value),
            WorkEnd::Cancelled => Err(TakeError::Cancelled),
            WorkEnd::Failed(message) => Err(TakeError::Failed { message }),
            WorkEnd::TimedOut(limit) => Err(TakeError::Failed {
                message: too_long(limit),
            }),
        }
    }
}

fn too_long(limit: Duration) -> Arc<str> {
    format!("it ran for more than {limit:?}").into()
}
