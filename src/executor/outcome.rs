//! The end of a task, as its allocation keeps it for its awaiter.
//!
//! This file owns the output or the reason why there is none, until an awaiter takes it. It never
//! wakes an awaiter. Read `idle/mod.rs` next.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;

use super::executor::Executor;
use super::runnable::Meta;
use crate::ground::ids::{ExecutorId, TaskId};
use crate::ground::join_error::{JoinError, Order};
use crate::ground::shield::{drop_shielded, log_error};
use crate::ground::telemetry::event::LostPanic;
use crate::ground::telemetry::names::Called;

/// The half of a task that its spawner keeps, and gets the outcome from. `Task` is made of it.
pub(crate) type TaskHalf<T> = async_task::Task<Outcome<T>, Meta>;

/// How a task has ended, before an awaiter has that: with an output, or with the reason why
/// there is none. A task's allocation holds it until an awaiter takes it. If it is dropped before,
/// a panic is reported, as that of a detached task.
// Not an enum (T3): where the output has no size, two options are handed on in registers.
pub(crate) struct Outcome<T> {
    output: Option<T>,
    // Boxed, since every task has room for a failure and few need it.
    failure: Option<Box<Failure>>,
}

impl<T> Outcome<T> {
    pub(super) fn completed(output: T) -> Outcome<T> {
        Outcome {
            output: Some(output),
            failure: None,
        }
    }

    pub(super) fn failed(failure: Box<Failure>) -> Outcome<T> {
        Outcome {
            output: None,
            failure: Some(failure),
        }
    }

    /// The outcome with what `keep` makes of the output, if there is one.
    pub(crate) fn map<K>(mut self, keep: impl FnOnce(T) -> K) -> Outcome<K> {
        let output = self.output.take().map(keep);
        let failure = self.failure.take();
        Outcome { output, failure }
    }

    /// Whether there is no output.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The output, or none. Panics if the task was told to end and its future's destructor
    /// panicked; an earlier panic of the task is reported.
    pub(crate) fn after_cancel(mut self) -> Option<T> {
        match self.failure.take() {
            Some(failure) if failure.is_of_the_drop() => failure.into_error().throw(),
            // Dropped here, which reports the panic.
            _ => self.output.take(),
        }
    }

    /// The output. Continues a panic of the task in the awaiter, or panics if the task has none.
    #[inline]
    pub(crate) fn output(mut self) -> T {
        match self.output.take() {
            Some(output) => output,
            None => self.throw(),
        }
    }

    #[cold]
    fn throw(self) -> ! {
        let result = self.into_result().map(|_| ());
        result.expect_err("there is no output").throw()
    }

    /// The result for the awaiter.
    pub(crate) fn into_result(mut self) -> Result<T, JoinError> {
        self.output.take().ok_or_else(|| {
            let failure = self.failure.take();
            let failure = failure.expect("a task without an output has failed");
            failure.into_error()
        })
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        // Where no awaiter comes for the output, a panic in the output's destructor is caught:
        // async-task would abort.
        if let Some(output) = self.output.take() {
            drop_shielded(output);
        }
    }
}

/// Why a task has no output. Reports a panic that no awaiter took.
pub(super) struct Failure {
    pub(super) task: TaskId,
    pub(super) executor: ExecutorId,
    pub(super) name: Option<Arc<str>>,
    pub(super) spawned_at: &'static Location<'static>,
    /// `None` once an awaiter has it.
    pub(super) cause: Option<Cause>,
}

pub(super) enum Cause {
    Panicked(Box<dyn Any + Send>),
    /// The future's destructor panicked. An awaiter gets it only of a task that was told to end.
    DropPanicked(Box<dyn Any + Send>),
    Cancelled(Order),
}

// The part of a task's allocation besides its future must not grow unseen (T19).
const _: () = assert!(size_of::<Outcome<()>>() <= 16);

impl Failure {
    fn is_of_the_drop(&self) -> bool {
        matches!(self.cause, Some(Cause::DropPanicked(_)))
    }

    fn into_error(mut self) -> JoinError {
        let cause = self.cause.take();
        let error = match cause.expect("a failure is consumed when an awaiter gets it") {
            Cause::Panicked(payload) | Cause::DropPanicked(payload) => {
                JoinError::panic(payload, self.spawned_at)
            }
            Cause::Cancelled(order) => JoinError::cancelled(order, self.spawned_at),
        };
        error.with_name(self.name.take())
    }
}

impl Drop for Failure {
    #[cold]
    fn drop(&mut self) {
        if let Some(Cause::Panicked(payload) | Cause::DropPanicked(payload)) = self.cause.take() {
            let panic = LostPanic {
                task: self.task,
                name: self.name.as_deref(),
                spawned_at: self.spawned_at,
                payload: &*payload,
            };
            log_error(format_args!(
                "task {}{} spawned at {} panicked without an awaiter: {}",
                panic.task,
                Called(panic.name),
                panic.spawned_at,
                panic.message()
            ));
            if let Some(executor) = Executor::find(self.executor) {
                executor.observe(|observer| observer.on_lost_panic(&panic));
                Executor::let_go(executor);
            }
            drop_shielded(payload);
        }
    }
}
