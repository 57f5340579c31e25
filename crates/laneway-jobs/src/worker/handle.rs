//! A worker that runs, and its end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_lite::future::or;
use laneway::time::{now, sleep, sleep_until, timeout};
use laneway::{AbortHandle, Handle, Runtime, Task};

use super::core::Core;
use super::report::{LeftJob, WorkerReport};
use super::roster::HeldJob;
use crate::deadline::after;
use crate::store::{Guarded, Held, Outcome, Settlement};

/// Something that a worker can be started on: a [`Runtime`], or a [`Handle`] of one.
pub trait OnRuntime {
    /// The runtime's handle.
    fn handle(&self) -> Handle;
}

impl OnRuntime for Runtime {
    fn handle(&self) -> Handle {
        Runtime::handle(self)
    }
}

impl OnRuntime for Handle {
    fn handle(&self) -> Handle {
        self.clone()
    }
}

/// How long jobs have after the deadline to go back.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A worker that runs.
///
/// Dropping it stops the worker as a crash would: handlers are dropped, and their jobs run again
/// when their leases end. [`shutdown`](WorkerHandle::shutdown) charges no job, and
/// [`detach`](WorkerHandle::detach) lets the worker run for as long as its runtime.
#[must_use = "dropping it stops the worker"]
pub struct WorkerHandle {
    core: Arc<Core>,
    tasks: Vec<Task<()>>,
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerHandle")
            .field("name", &self.core.settings.name)
            .field("kinds", &self.core.roster().kinds())
            .finish_non_exhaustive()
    }
}

impl WorkerHandle {
    pub(super) fn new(core: Arc<Core>, tasks: Vec<Task<()>>) -> WorkerHandle {
        WorkerHandle { core, tasks }
    }

    /// Lets the worker run for as long as its runtime, whose shutdown lets it finish what it holds.
    pub fn detach(mut self) {
        self.tasks.drain(..).for_each(Task::detach);
    }

    /// Takes no more jobs, tells handlers by [`Ctx::cancelled`](crate::Ctx::cancelled), waits for
    /// them until the deadline, and gives back what still runs, without charge.
    ///
    /// It ends at most a second after the deadline.
    ///
    /// # Cancellation
    ///
    /// Dropping the future is dropping the handle.
    pub async fn shutdown(mut self, deadline: Duration) -> WorkerReport {
        let deadline = after(now(), deadline);
        self.core.stop();
        or(self.core.over.wait(), sleep_until(deadline)).await;
        let (stopped, mut cut_off) = self.give_back().await;
        // What the settler has in hand may have its last word as well.
        or(self.core.over.wait(), sleep(LAST_WORD)).await;
        self.tasks.clear();
        cut_off.extend(self.unsettled());
        let tally = &self.core.tally;
        WorkerReport {
            finished: tally.finished.load(Relaxed),
            returned: tally.returned.load(Relaxed) + stopped.len() as u64,
            leases_lost: tally.leases_lost.load(Relaxed),
            stopped,
            cut_off,
        }
    }

    /// Stops the handlers that still run, and returns their jobs.
    async fn give_back(&self) -> (Vec<LeftJob>, Vec<LeftJob>) {
        let left = self.stop_handlers();
        if left.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let settlements = left.iter().map(|(held, _)| Settlement {
            held: *held,
            outcome: Outcome::Returned,
        });
        let settled = self.core.store().settle(settlements.collect());
        let answers = timeout(LAST_WORD, settled).await.ok().and_then(Result::ok);
        let answers = answers.unwrap_or_else(|| vec![Guarded::LeaseLost; left.len()]);
        let (mut stopped, mut cut_off) = (Vec::new(), Vec::new());
        for ((held, job), answer) in left.into_iter().zip(answers) {
            self.core.release([held]);
            match answer {
                Guarded::Held => stopped.push(job),
                Guarded::LeaseLost => cut_off.push(job),
            }
        }
        (stopped, cut_off)
    }

    /// Jobs whose handlers have ended, and whose ends could not be written.
    fn unsettled(&self) -> Vec<LeftJob> {
        let left = |(held, job): (Held, &HeldJob)| LeftJob {
            id: held.id,
            kind: job.kind.to_string(),
        };
        self.core.roster().all().map(left).collect()
    }

    fn stop_handlers(&self) -> Vec<(Held, LeftJob)> {
        let running = self.core.roster().stop_running();
        // The lock is free by now: a handler's destructor may be anything.
        let stop = |(held, kind, abort): (Held, Arc<str>, Option<AbortHandle>)| {
            abort.iter().for_each(AbortHandle::abort);
            (
                held,
                LeftJob {
                    id: held.id,
                    kind: kind.to_string(),
                },
            )
        };
        running.into_iter().map(stop).collect()
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        // A detached worker has no tasks here, nor one that was shut down.
        if !self.tasks.is_empty() {
            self.core.stop();
            self.stop_handlers();
        }
    }
}
