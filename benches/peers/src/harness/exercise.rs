//! An exercise is timed: a workload, and for the one that yields the kind of yield.

use clap::ValueEnum;

use super::detached;
use super::form::Form;
use super::wake_by_ref::WakeByRef;
use crate::executors::Yields;
use crate::workloads::{Workload, yield_many};

/// One of the six workloads. The one that yields counts three times, once for each kind of yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Exercise {
    /// 50,000 empty tasks spawned by a thread outside, which waits for them all.
    SpawnMany,
    /// The same, spawned by a task.
    SpawnInside,
    /// 200 tasks that yield 1,000 times each by `futures_lite::future::yield_now`.
    YieldMany,
    /// The same by a future that calls `wake_by_ref` and is pending once.
    YieldWake,
    /// The same by what the executor's users call.
    YieldOwn,
    /// 1,000 tasks that each spawn another and send it a message that it answers.
    PingPong,
    /// 10,000 tasks, each spawned by the one before.
    Chain,
    /// 1,000 times: a thread outside spawns a task and waits for it.
    SpawnAndWait,
}

impl Exercise {
    /// The name on the command line and in the tables.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no exercise is skipped");
        value.get_name().to_owned()
    }

    /// The name of its times in this form.
    pub(crate) fn figure(self, form: Form) -> String {
        format!("{} {}", form.name(), self.name())
    }

    /// Which of the six it is.
    pub(crate) fn workload(self) -> Workload {
        match self {
            Exercise::SpawnMany => Workload::SpawnMany,
            Exercise::SpawnInside => Workload::SpawnInside,
            Exercise::YieldMany | Exercise::YieldWake | Exercise::YieldOwn => Workload::YieldMany,
            Exercise::PingPong => Workload::PingPong,
            Exercise::Chain => Workload::Chain,
            Exercise::SpawnAndWait => Workload::SpawnAndWait,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run<E: Yields>(self, form: Form, on: &'static E) {
        match form {
            Form::Awaited => self.run_awaited(on),
            Form::Detached => self.run_detached(on),
        }
    }

    fn run_awaited<E: Yields>(self, on: &'static E) {
        match self {
            Exercise::YieldWake => yield_many(on, WakeByRef::new),
            Exercise::YieldOwn => yield_many(on, E::yield_now),
            _ => self.workload().run(on),
        }
    }

    fn run_detached<E: Yields>(self, on: &'static E) {
        match self {
            Exercise::SpawnMany => detached::spawn_many(on),
            Exercise::SpawnInside => detached::spawn_inside(on),
            Exercise::YieldMany => detached::yield_many(on, futures_lite::future::yield_now),
            Exercise::YieldWake => detached::yield_many(on, WakeByRef::new),
            Exercise::YieldOwn => detached::yield_many(on, E::yield_now),
            Exercise::PingPong => detached::ping_pong(on),
            Exercise::Chain => detached::chain(on),
            Exercise::SpawnAndWait => detached::spawn_and_wait(on),
        }
    }
}
