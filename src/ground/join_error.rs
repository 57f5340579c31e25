//! The error that an awaiter gets from a task without an output.
//!
//! This file owns the error, and the reasons for which a task is told to end. It never learns by
//! itself how a task has ended.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{Location, resume_unwind};
use std::sync::{Arc, Mutex};

use crate::ground::shield::message;
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::names::Called;

/// Why a task has no output: it panicked, or it was cancelled.
///
/// ```
/// use laneway::{spawn_task, try_join};
///
/// let task = spawn_task!(async { if true { panic!("out of paper") } });
/// let error = try_join!(task).remove(0).unwrap_err();
/// assert!(error.is_panic());
/// assert!(error.to_string().contains("out of paper"));
/// assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "out of paper");
/// ```
pub struct JoinError {
    reason: Reason,
    name: Option<Arc<str>>,
    spawned_at: &'static Location<'static>,
}

enum Reason {
    /// Behind a lock only to make the error `Sync`, which error libraries demand.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Cancelled(Order),
}

/// Why a task is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A holder of its handle has asked for it.
    Abort,
    /// Its runtime ends.
    CutOff,
    /// Its runtime takes nothing new. The thread that spawned it counts its end.
    Refuse,
}

impl JoinError {
    pub(crate) fn panic(
        payload: Box<dyn Any + Send>,
        spawned_at: &'static Location<'static>,
    ) -> JoinError {
        JoinError {
            reason: Reason::Panicked(Mutex::new(payload)),
            name: None,
            spawned_at,
        }
    }

    pub(crate) fn cancelled(order: Order, spawned_at: &'static Location<'static>) -> JoinError {
        JoinError {
            reason: Reason::Cancelled(order),
            name: None,
            spawned_at,
        }
    }

    pub(crate) fn with_name(self, name: Option<Arc<str>>) -> JoinError {
        JoinError { name, ..self }
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// # use laneway::{spawn_task, try_join};
    /// let results = try_join!(spawn_task!(async { if true { panic!() } }));
    /// assert!(results[0].as_ref().unwrap_err().is_panic());
    /// ```
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// Whether the task was cancelled: its runtime was shut down or dropped before the task
    /// could end, or it was [aborted](crate::Task::abort).
    ///
    /// ```
    /// # use laneway::{Priority, Runtime, try_join};
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.spawn(std::future::pending::<()>(), Priority::Low);
    /// drop(rt);
    /// assert!(try_join!(task)[0].as_ref().unwrap_err().is_cancelled());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled(_))
    }

    /// The payload that the task panicked with, to look into or to go on panicking with.
    ///
    /// # Panics
    ///
    /// If the task was cancelled. [`try_into_panic`](JoinError::try_into_panic) does not.
    ///
    /// ```
    /// # use laneway::{spawn_task, try_join};
    /// let task = spawn_task!(async { if true { std::panic::panic_any(7_u8) } });
    /// let payload = try_join!(task).remove(0).unwrap_err().into_panic();
    /// assert_eq!(payload.downcast_ref(), Some(&7_u8));
    /// ```
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("into_panic on a task that did not panic: {error}"),
        }
    }

    /// The payload that the task panicked with.
    ///
    /// # Errors
    ///
    /// Gives the error back if the task was cancelled.
    ///
    /// ```
    /// # use laneway::{Priority, Runtime, try_join};
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.spawn(std::future::pending::<()>(), Priority::Low);
    /// drop(rt);
    /// let error = try_join!(task).remove(0).unwrap_err();
    /// assert!(error.try_into_panic().unwrap_err().is_cancelled());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.reason {
            // A poisoned lock is fine: nothing was half done under it.
            Reason::Panicked(payload) => Ok(unpoisoned(payload.into_inner())),
            Reason::Cancelled(_) => Err(self),
        }
    }

    /// Continues the panic in the awaiter, or panics for the awaiter of a cancelled task.
    pub(crate) fn throw(self) -> ! {
        match self.try_into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(error) => panic!("{error}"),
        }
    }

    /// The task's name, if it was given one.
    ///
    /// ```
    /// # use laneway::{spawn_task, try_join};
    /// let task = spawn_task!(name = "printer", async { if true { panic!("out of paper") } });
    /// let error = try_join!(task).remove(0).unwrap_err();
    /// assert_eq!(error.name(), Some("printer"));
    /// assert!(error.to_string().starts_with("the task \"printer\" spawned at "));
    /// assert!(error.to_string().ends_with(" panicked: out of paper"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned.
    ///
    /// ```
    /// # use laneway::{spawn_task, try_join};
    /// let results = try_join!(spawn_task!(async { if true { panic!() } }));
    /// assert_eq!(results[0].as_ref().unwrap_err().spawned_at().file(), file!());
    /// ```
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

/// Shows the task's name, if it has one, in quotes and escaped; where it was spawned; and the
/// panic's message.
impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (called, place) = (Called(self.name()), self.spawned_at);
        match &self.reason {
            Reason::Panicked(payload) => {
                let payload = unpoisoned(payload.lock());
                write!(
                    f,
                    "the task{called} spawned at {place} panicked: {}",
                    message(&**payload)
                )
            }
            Reason::Cancelled(Order::Abort) => {
                write!(
                    f,
                    "the task{called} spawned at {place} was cancelled by `abort`"
                )
            }
            Reason::Cancelled(Order::CutOff | Order::Refuse) => write!(
                f,
                "the task{called} spawned at {place} was cancelled: its runtime had shut down"
            ),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}
