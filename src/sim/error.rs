//! The failures of a simulation.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::ground::ids::TaskId;
use crate::runtime::BuildError;

/// Why a simulation did not come to its end.
///
/// ```
/// use laneway::sim::{Error, Sim};
///
/// let error = Sim::seed(1).run(std::future::pending::<()>()).unwrap_err();
/// assert!(matches!(error, Error::Deadlock(_)));
/// ```
#[non_exhaustive]
pub enum Error {
    /// The workers cannot be built as they were asked for.
    Build(BuildError),
    /// No task can run, and no sleep is armed.
    Deadlock(Deadlock),
    /// It took more than [`max_steps`](super::Sim::max_steps) steps.
    TooLong(TooLong),
    /// The operating system refused the thread that the simulation runs on.
    Thread(io::Error),
}

/// The tasks that wait for an event that will never come.
///
/// ```
/// use laneway::sim::{Error, Sim};
/// use laneway::spawn_task;
///
/// let error = Sim::seed(1).run(async {
///     let (_sender, receiver) = async_channel::bounded::<u32>(1);
///     spawn_task!(async move { receiver.recv().await }).await
/// });
/// let Err(Error::Deadlock(deadlock)) = error else {
///     panic!("no task sends, and yet: {error:?}");
/// };
/// assert_eq!(deadlock.waiting().len(), 1);
/// assert_eq!(deadlock.waiting()[0].spawned_at().file(), file!());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    pub(super) waiting: Vec<Waiting>,
    pub(super) elapsed: Duration,
    pub(super) steps: u64,
}

impl Deadlock {
    /// The tasks that had not ended, in the order in which they were spawned.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// How much simulated time had passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// A task that takes part in a [`Deadlock`], which has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub(super) task: TaskId,
    pub(super) name: Option<Arc<str>>,
    pub(super) spawned_at: &'static Location<'static>,
    pub(super) blocks: bool,
}

impl Waiting {
    pub(super) fn new(task: TaskId, spawned_at: &'static Location<'static>) -> Waiting {
        Waiting {
            task,
            name: None,
            spawned_at,
            blocks: false,
        }
    }

    /// Its number.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Its name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// Whether it waits in the middle of a poll, as `join!` and `block_on` do.
    #[must_use]
    pub fn blocks_its_thread(&self) -> bool {
        self.blocks
    }
}

/// A simulation that was stopped, since it had taken too many steps.
///
/// ```
/// use laneway::sim::{Error, Sim};
///
/// let forever = async {
///     loop {
///         laneway::yield_now().await;
///     }
/// };
/// let error = Sim::seed(1).max_steps(1_000).run(forever).unwrap_err();
/// assert!(matches!(error, Error::TooLong(long) if long.steps == 1_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// How many steps it had taken.
    pub steps: u64,
    /// How much simulated time had passed.
    pub elapsed: Duration,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Build(error) => error.fmt(f),
            Error::Deadlock(deadlock) => deadlock.fmt(f),
            Error::TooLong(long) => long.fmt(f),
            Error::Thread(error) => {
                write!(f, "the operating system refused a thread: {error}")
            }
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a deadlock after {} steps, at {:?}: no task can run and no sleep is armed\n  \
             the simulated future waits",
            self.steps, self.elapsed
        )?;
        let shown = self.waiting.iter().take(SHOWN);
        shown
            .into_iter()
            .try_for_each(|waiting| write!(f, "\n  {waiting}"))?;
        match self.waiting.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more tasks"),
        }
    }
}

/// The number of waiting tasks that a message names at most.
const SHOWN: usize = 20;

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        let waits = match self.blocks {
            true => "blocks its thread and waits",
            false => "waits",
        };
        write!(f, " {waits}, spawned at {}", self.spawned_at)
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no end after {} steps, at {:?}: allow more by Sim::max_steps, if it is not a loop \
             that waits for nothing",
            self.steps, self.elapsed
        )
    }
}

// As the message, since a test that unwraps it prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Build(error) => Some(error),
            Error::Thread(error) => Some(error),
            Error::Deadlock(_) | Error::TooLong(_) => None,
        }
    }
}

/// A seed under which a program fails. Given by [`explore`](super::explore).
#[non_exhaustive]
pub struct FailedSeed {
    /// The seed: [`Sim::seed`](super::Sim::seed) with it fails in the same way.
    pub seed: u64,
    /// How many seeds had passed before.
    pub passed: u64,
    /// The way in which it failed.
    pub cause: FailureCause,
}

/// How a program failed. [`explore`](super::explore) has an example.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureCause {
    /// The simulation did not come to its end.
    Error(Error),
    /// The simulated future panicked, with this message.
    Panic(String),
}

impl fmt::Display for FailedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedSeed { seed, passed, .. } = self;
        write!(f, "seed {seed} fails, after {passed} that passed: ")?;
        match &self.cause {
            FailureCause::Error(error) => write!(f, "{error}")?,
            FailureCause::Panic(message) => write!(f, "a panic: {message}")?,
        }
        write!(
            f,
            "\n  Sim::seed({seed}), with the same settings, runs it alone"
        )
    }
}

// As the message, since a test that unwraps it prints this.
impl fmt::Debug for FailedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for FailedSeed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            FailureCause::Error(error) => Some(error),
            FailureCause::Panic(_) => None,
        }
    }
}
