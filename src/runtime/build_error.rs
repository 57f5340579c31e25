//! The reasons why a runtime cannot be started.

use std::error::Error;
use std::fmt;
use std::io;

use crate::executor::MAX_QUEUES;

/// More threads than this are refused: a mistyped number should not take the machine down.
pub(super) const MAX_THREADS: usize = 4096;

/// The least urgent niceness there is.
pub(super) const MAX_NICENESS: u8 = 19;

/// A thread with less than this overflows its stack before it has come to a task of any use.
pub(super) const MIN_STACK_SIZE: usize = 64 << 10;

/// Why a runtime was not started. Nothing has been left running.
///
/// ```
/// use laneway::{BuildError, Runtime};
///
/// let error = Runtime::builder().with_high_num(0).with_low_num(0).build().unwrap_err();
/// assert!(matches!(error, BuildError::NoThreads));
/// assert!(error.to_string().ends_with("to at least 1"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// There would be no threads at all.
    NoThreads,
    /// No thread takes from this queue.
    Unserved {
        /// The queue's name.
        queue: String,
    },
    /// More high threads are reserved than there are.
    ReservedExceedsHigh {
        /// How many were to be reserved.
        reserved: usize,
        /// How many high threads there are.
        high: usize,
    },
    /// A thread is to stand by for high threads that take low tasks, and none does.
    StandbyForNone,
    /// Two queues have the same name. `high` and `low` are taken.
    DuplicateQueue {
        /// The name.
        queue: String,
    },
    /// A queue is to steal from one that does not exist.
    UnknownQueue {
        /// The queue whose threads are to steal.
        queue: String,
        /// The name that no queue has.
        steals_from: String,
    },
    /// A threshold for long polls was set for a queue that does not exist.
    NoQueueForLongPoll {
        /// The name that no queue has.
        queue: String,
    },
    /// A name that threads cannot have: it is empty or contains a NUL character.
    BadName {
        /// The name.
        name: String,
    },
    /// A niceness beyond 19.
    BadNiceness {
        /// The niceness that was asked for.
        niceness: u8,
    },
    /// Naps of no length would keep every core busy.
    ZeroNap,
    /// A stack on which no task could run.
    SmallStack {
        /// The size that was asked for.
        bytes: usize,
    },
    /// More threads than a runtime takes.
    TooManyThreads {
        /// How many were asked for.
        threads: usize,
    },
    /// More queues than a runtime takes.
    TooManyQueues {
        /// How many there would be, `high` and `low` included.
        queues: usize,
    },
    /// An environment variable holds no number.
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// The variable's value.
        value: String,
    },
    /// The process-wide runtime has started already.
    AlreadyRunning,
    /// The operating system refused a thread.
    Thread(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoThreads => write!(
                f,
                "a runtime needs a thread: set with_high_num or with_low_num to at least 1"
            ),
            BuildError::Unserved { queue } => write!(
                f,
                "no thread serves the queue {queue:?}: give it a thread, or let another queue's \
                 threads steal from it"
            ),
            BuildError::ReservedExceedsHigh { reserved, high } => write!(
                f,
                "{reserved} high threads are to be reserved and there are {high}: lower \
                 with_reserved_high or raise with_high_num"
            ),
            BuildError::StandbyForNone => write!(
                f,
                "a standby is for high threads that take low tasks, and none does: leave out \
                 with_standby, or let high threads steal"
            ),
            BuildError::DuplicateQueue { queue } => write!(
                f,
                "there is a queue {queue:?} already: give the further queue another name"
            ),
            BuildError::UnknownQueue { queue, steals_from } => write!(
                f,
                "the queue {queue:?} is to steal from {steals_from:?}, which does not exist: add \
                 it by with_queue, or name another"
            ),
            BuildError::NoQueueForLongPoll { queue } => write!(
                f,
                "with_long_poll_in names a queue {queue:?}, which does not exist: add it by \
                 with_queue, or name another"
            ),
            BuildError::BadName { name } => write!(
                f,
                "{name:?} cannot be part of a thread's name: use a name that is not empty and \
                 has no NUL character"
            ),
            BuildError::BadNiceness { niceness } => write!(
                f,
                "a niceness of {niceness} does not exist: use 0 to {MAX_NICENESS}"
            ),
            BuildError::ZeroNap => write!(
                f,
                "naps of no length would keep every core busy: use a longer Idle::Nap, or \
                 Idle::Park"
            ),
            BuildError::SmallStack { bytes } => write!(
                f,
                "a stack of {bytes} bytes is too small for a task: use {MIN_STACK_SIZE} at least"
            ),
            BuildError::TooManyThreads { threads } => write!(
                f,
                "{threads} threads were asked for: a runtime takes {MAX_THREADS} at most"
            ),
            BuildError::TooManyQueues { queues } => write!(
                f,
                "{queues} queues were asked for: a runtime takes {MAX_QUEUES} at most"
            ),
            BuildError::BadVariable { variable, value } => write!(
                f,
                "the environment variable {variable} is {value:?}: set it to a number of \
                 threads, or unset it"
            ),
            BuildError::AlreadyRunning => write!(
                f,
                "the process-wide runtime has started already: configure it before the first \
                 spawn_task!, or build a runtime of your own with Runtime::builder().build()"
            ),
            BuildError::Thread(error) => {
                write!(f, "the operating system refused a thread: {error}")
            }
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::Thread(error) => Some(error),
            _ => None,
        }
    }
}
