//! How many consumers there are: said, checked, and only then started.

use std::error::Error;
use std::fmt;
use std::thread;

use crate::{Priority, QUEUES, Queues};

/// The runtime of this process.
#[derive(Debug)]
pub struct Runtime;

impl Runtime {
    /// Begins to configure the runtime. A setting that is not called keeps its default.
    #[expect(clippy::new_ret_no_self, reason = "`run` makes it, and there is one")]
    pub fn new() -> Builder {
        Builder {
            high: high_for(cores()),
            low: 1,
        }
    }

    /// The numbers that the runtime was started with. Starts it with the defaults if it has not been.
    pub fn configuration() -> Builder {
        Queues::get().configuration
    }
}

/// The numbers of consumers, before they exist. Made by [`Runtime::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing starts before `run` or `try_run`"]
pub struct Builder {
    /// How many consumers are at home in the high queue.
    pub high: usize,
    /// How many are at home in the low one.
    pub low: usize,
}

impl Builder {
    /// Sets the number of high consumers. Default: the number of cores less two, and at least 1.
    pub fn with_high_num(self, high: usize) -> Builder {
        Builder { high, ..self }
    }

    /// Sets the number of low consumers. Default: 1.
    pub fn with_low_num(self, low: usize) -> Builder {
        Builder { low, ..self }
    }

    /// Whether these numbers make a runtime. Starts nothing.
    pub fn check(&self) -> Result<(), BuildError> {
        match self {
            Builder { high: 0, .. } => Err(BuildError::NoConsumer(Priority::High)),
            Builder { low: 0, .. } => Err(BuildError::NoConsumer(Priority::Low)),
            _ => Ok(()),
        }
    }

    /// Starts the runtime of this process: all its consumers exist when this comes back.
    pub fn try_run(self) -> Result<(), BuildError> {
        self.check()?;
        let mut started = Err(BuildError::AlreadyRunning);
        QUEUES.get_or_init(|| {
            started = Ok(());
            Queues::start(self)
        });
        started
    }

    /// As [`try_run`](Builder::try_run), for a `main` that needs the runtime.
    ///
    /// # Panics
    ///
    /// If the numbers make no runtime, or there is one already.
    pub fn run(self) {
        if let Err(error) = self.try_run() {
            panic!("{error}");
        }
    }
}

/// The number of high consumers: two cores are left to the low consumer and to `main`.
pub fn high_for(cores: usize) -> usize {
    cores.saturating_sub(2).max(1)
}

/// How many cores this process may use; one if the system cannot tell.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Why there is no runtime of these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// A queue without a consumer of its own.
    NoConsumer(Priority),
    /// There is one already.
    AlreadyRunning,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoConsumer(priority) => {
                write!(f, "the {priority:?} queue has no consumer: give it one")
            }
            BuildError::AlreadyRunning => write!(
                f,
                "the runtime has started already: configure it before the first spawn_task!"
            ),
        }
    }
}

impl Error for BuildError {}
