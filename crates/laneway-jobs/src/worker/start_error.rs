//! Why a worker does not start.

use std::fmt;

use crate::name::NameError;

/// Why a worker does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// Its own name, or that of a queue or kind, is none.
    Name(NameError),
    /// It serves no queue.
    NoQueue,
    /// It serves this queue twice.
    QueueTwice(String),
    /// It has no handler.
    NoHandler,
    /// Two handlers are for this kind.
    KindTwice(&'static str),
    /// The runtime has no queue of this name.
    NoRuntimeQueue(String),
    /// Two schedules have this name.
    ScheduleTwice(String),
    /// The runtime has been shut down.
    ShutDown,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Name(error) => error.fmt(f),
            StartError::NoQueue => f.write_str("the worker serves no queue; add one by `queue`"),
            StartError::QueueTwice(name) => {
                write!(
                    f,
                    "the worker serves the queue {name:?} twice; name it once"
                )
            }
            StartError::NoHandler => f.write_str("the worker has no handler; add one by `handle`"),
            StartError::KindTwice(kind) => {
                write!(
                    f,
                    "two handlers are for {kind:?}; give each type a kind of its own"
                )
            }
            StartError::NoRuntimeQueue(name) => {
                write!(
                    f,
                    "the runtime has no queue {name:?}; add it by `Builder::with_queue`"
                )
            }
            StartError::ScheduleTwice(name) => {
                write!(
                    f,
                    "two schedules are called {name:?}; give each a name of its own"
                )
            }
            StartError::ShutDown => f.write_str("the runtime has been shut down; start another"),
        }
    }
}

impl std::error::Error for StartError {}
