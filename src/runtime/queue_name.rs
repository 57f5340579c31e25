//! The names that callers give a queue: its priority, its name, or its number.

use std::fmt;

use crate::executor::{Executor, Priority};
use crate::ground::ids::QueueId;

/// A queue to spawn on. Made by [`IntoQueueName`].
///
/// ```
/// use laneway::{IntoQueueName, Priority};
///
/// assert_eq!(Priority::High.into_queue_name().to_string(), "high");
/// assert_eq!("network".into_queue_name().to_string(), "network");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueName<'q>(Named<'q>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named<'q> {
    // A whole word, as in the other variant: a processor that has written two bytes has to wait
    // before it can read eight (T10).
    Number(usize),
    Name(&'q str),
}

/// A value that names a queue: a [`Priority`], a queue's name, or a [`QueueId`].
///
/// ```
/// use laneway::{Priority, Runtime};
///
/// let rt = Runtime::builder().with_queue("network", 1, &[]).build()?;
/// let tasks = [rt.spawn(async { 1 }, Priority::High), rt.spawn(async { 2 }, "network")];
/// assert_eq!(laneway::join_all(tasks), [1, 2]);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a queue",
    label = "not a priority, nor the name of a queue",
    note = "use `Priority::High` or `Priority::Low`, or a further queue's name as a `&str`"
)]
pub trait IntoQueueName<'q> {
    /// The queue's name.
    fn into_queue_name(self) -> QueueName<'q>;
}

impl<'q> IntoQueueName<'q> for QueueName<'q> {
    fn into_queue_name(self) -> QueueName<'q> {
        self
    }
}

impl<'q> IntoQueueName<'q> for Priority {
    fn into_queue_name(self) -> QueueName<'q> {
        self.queue().into_queue_name()
    }
}

impl<'q> IntoQueueName<'q> for QueueId {
    fn into_queue_name(self) -> QueueName<'q> {
        QueueName(Named::Number(self.index()))
    }
}

impl<'q> IntoQueueName<'q> for &'q str {
    fn into_queue_name(self) -> QueueName<'q> {
        QueueName(Named::Name(self))
    }
}

impl<'q> IntoQueueName<'q> for &'q String {
    fn into_queue_name(self) -> QueueName<'q> {
        QueueName(Named::Name(self))
    }
}

impl QueueName<'_> {
    /// The queue's number in a runtime, if there is such a queue.
    #[inline]
    pub(crate) fn find(self, executor: &Executor) -> Option<QueueId> {
        match self.0 {
            Named::Number(number) => {
                let id = QueueId(number as u16);
                (number < executor.queues().len()).then_some(id)
            }
            Named::Name(name) => queue_named(executor, name),
        }
    }
}

/// The queue of this name in a runtime.
pub(super) fn queue_named(executor: &Executor, name: &str) -> Option<QueueId> {
    let mut queues = executor.queues().iter();
    let index = queues.position(|queue| queue.name() == name)?;
    u16::try_from(index).ok().map(QueueId)
}

impl fmt::Display for QueueName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Named::Number(0) => f.write_str("high"),
            Named::Number(1) => f.write_str("low"),
            Named::Number(number) => write!(f, "number {number}"),
            Named::Name(name) => f.write_str(name),
        }
    }
}
