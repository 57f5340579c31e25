//! The rest of an attempt, as a hook around it sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::job_error::JobError;

pub(super) type Handling = Pin<Box<dyn Future<Output = Result<Vec<u8>, JobError>> + Send>>;

/// The rest of an attempt: the handler, and the hooks that were given before. A future of its end;
/// see [`Worker::around`](crate::Worker::around).
#[must_use = "the handler runs when this is awaited"]
pub struct Next(pub(super) Handling);

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// The result of a handler that completed, which a hook hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled(pub(super) Vec<u8>);

impl Handled {
    /// The result in JSON, as it is kept.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.0
    }
}

impl Future for Next {
    type Output = Result<Handled, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = self.0.as_mut().poll(cx);
        ended.map(|result| result.map(Handled))
    }
}
