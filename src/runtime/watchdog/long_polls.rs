//! Reports polls that take too long.
//!
//! No clock is read when a poll begins. A worker shows what it polls, and counts its polls; a
//! poll that is there at two looks has lasted from the one to the other.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::executor::Executor;
use crate::ground::ids::WorkerId;
use crate::ground::shield::log_warning;
use crate::ground::telemetry::{LongPoll, LongPollStage, Polled, Tally, namers};

/// The poll of each worker at the last look.
#[derive(Debug, Default)]
pub(crate) struct LongPolls {
    workers: Vec<Option<SeenPoll>>,
}

/// A poll that was under way at a look.
#[derive(Clone, Debug)]
struct SeenPoll {
    /// How many polls the worker had begun, which tells this one from all others.
    number: u64,
    polled: Polled,
    /// When it was first seen.
    since: Duration,
    report: Report,
}

/// How far a poll's report has come.
#[derive(Clone, Debug)]
enum Report {
    /// It has not lasted for long enough.
    NotDue,
    /// It has been reported as lasting, under this name: the task may be gone when it ends.
    Told { name: Option<Arc<str>> },
}

impl LongPolls {
    /// Looks at every worker, and reports the polls that have become long since the last look,
    /// and the long ones that have ended.
    pub(crate) fn look(&mut self, executor: &Executor) {
        self.workers.resize(executor.workers().count(), None);
        let now = executor.host.now();
        for (index, (_, tally)) in executor.workers().enumerate() {
            let worker = WorkerId(u16::try_from(index).expect("a worker's number is 16 bits"));
            let seen = &mut self.workers[index];
            let there = SeenPoll::now(tally, now);
            let goes_on = seen.as_ref().map(SeenPoll::key) == there.as_ref().map(SeenPoll::key);
            if !goes_on && let Some(ended) = mem::replace(seen, there) {
                ended.report_end(executor, worker, now);
            }
            if let Some(seen) = seen {
                seen.report_if_long(executor, worker, now);
            }
        }
    }

    /// When the next of the polls that were seen becomes long, if it goes on.
    pub(crate) fn next_due(&self, executor: &Executor) -> Option<Duration> {
        let seen = self.workers.iter().flatten();
        seen.filter_map(|seen| seen.long_at(executor)).min()
    }
}

impl SeenPoll {
    /// The poll that a worker is in.
    fn now(tally: &Tally, now: Duration) -> Option<SeenPoll> {
        Some(SeenPoll {
            // First, as `Polling` demands.
            number: tally.taken(),
            polled: tally.polling.get()?,
            since: now,
            report: Report::NotDue,
        })
    }

    fn key(&self) -> (u64, Polled) {
        (self.number, self.polled)
    }

    /// When it becomes long, unless it has been reported.
    fn long_at(&self, executor: &Executor) -> Option<Duration> {
        match self.report {
            Report::NotDue => self
                .since
                .checked_add(executor.long_poll(self.polled.queue)),
            Report::Told { .. } => None,
        }
    }

    fn report_if_long(&mut self, executor: &Executor, worker: WorkerId, now: Duration) {
        let lasted = now.saturating_sub(self.since);
        let is_long = !lasted.is_zero() && lasted >= executor.long_poll(self.polled.queue);
        if is_long && matches!(self.report, Report::NotDue) {
            let name = namers::name_of((executor.id, self.polled.task));
            let stage = LongPollStage::Lasting;
            tell(
                executor,
                &self.long_poll(worker, name.as_deref(), lasted, stage),
            );
            self.report = Report::Told { name };
        }
    }

    fn report_end(&self, executor: &Executor, worker: WorkerId, now: Duration) {
        if let Report::Told { name } = &self.report {
            let lasted = now.saturating_sub(self.since);
            let stage = LongPollStage::Ended;
            tell(
                executor,
                &self.long_poll(worker, name.as_deref(), lasted, stage),
            );
        }
    }

    fn long_poll<'a>(
        &self,
        worker: WorkerId,
        name: Option<&'a str>,
        duration: Duration,
        stage: LongPollStage,
    ) -> LongPoll<'a> {
        LongPoll {
            task: self.polled.task,
            name,
            spawned_at: self.polled.spawned_at,
            queue: self.polled.queue,
            worker,
            duration,
            stage,
        }
    }
}

fn tell(executor: &Executor, poll: &LongPoll<'_>) {
    log_warning(format_args!("{poll}"));
    executor.observe(|observer| observer.on_long_poll(poll));
}
