//! Finds the tasks that were raised while they lay in the low queue.
//!
//! A task has one runnable, and that one lies where it was put when the task was a low one: in the
//! low queue's channel, or in the hands of a worker. So a raise is counted, and each worker that
//! sees a new count at its next step sifts the low tasks that it holds; the first of them sifts the
//! channel. A worker that holds them may be within a long poll, or on a nice thread that waits for
//! a core. So a worker that runs high tasks, if it is the first, takes the tasks out of the others'
//! deques and next-slots as well; those that were not raised go to the channel. The raised tasks go
//! to the high queue's channel. Until there is a raise, that costs a worker one comparison a step,
//! of a word that it reads anyway, and a look at a flag.
//!
//! # What is found
//!
//! A worker that has sifted its own tasks at a count holds no low task that was raised before that
//! count: those that lay there were taken out, and each task that was put there later was put there
//! by the worker itself, by a priority that was read after the count.
//!
//! A thief, and a worker that takes from the channel, inherits the mark of the deque or the channel
//! that it takes from. If that mark is older than its own, it sifts again before it polls the first
//! of the tasks: while they were on their way, a worker that sweeps may have looked for them in
//! vain. The mark comes before the tasks: another thief may take them on at once.
//!
//! A task may be raised while another thread, which saw a low one, is about to push it into the
//! channel, and another worker may sift the channel just before the push. So the thread that pushes
//! looks at the count before it looks at the task's priority, and again after the push: if the two
//! differ, it counts one raise more.
//!
//! # What it costs
//!
//! Sifting takes the longer the more tasks there are. A worker spends a sixteenth of its time on it
//! at most, unless it has nothing else to do, and leaves a crowd alone that would keep it too long.
//! Read `worker/inner_polls.rs` next.

use std::mem;
use std::time::Duration;

use super::{Step, Worker};
use crate::executor::runnable::Runnable;
use crate::executor::seat;
use crate::ground::ids::QueueId;
use crate::ground::sift_mark::is_older;

/// A worker's notes of its sifting.
#[derive(Debug, Default)]
pub(super) struct Sifter {
    /// How many raises were counted when the worker last sifted what it holds.
    sifted_at: u32,
    /// Whether tasks came to it in this step that are still to be sifted.
    pub(super) has_unsifted_loot: bool,
    /// When it may sift again.
    not_before: Duration,
    /// The tasks that it has found and not handed on yet.
    raised: Vec<Runnable>,
}

/// The result of sifting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sifted {
    FoundSome,
    FoundNone,
}

/// A worker that has sifted for some time does other things for this many times as long.
const REST_FACTOR: u32 = 15;

/// The most tasks that a worker at home in the low queue sifts at once.
const MOST_AT_HOME: usize = 1 << 17;

/// The most tasks that any other worker sifts at once: it is there for more urgent things.
const MOST_ELSEWHERE: usize = 1 << 14;

/// Puts the raised tasks that the worker here has found into the high queue. Not within
/// `with_worker`, since an observer is called.
pub(super) fn hand_on() {
    let found = seat::with_worker(|worker| {
        let raised = mem::take(&mut worker.sifter.raised);
        (!raised.is_empty()).then(|| (raised, worker.executor.clone()))
    });
    if let Some((raised, executor)) = found.flatten() {
        raised.into_iter().for_each(|task| executor.inject(task));
    }
}

impl Worker {
    /// Whether a task may have been raised where this worker has not sifted yet.
    #[inline]
    pub(super) fn is_to_sift(&self) -> bool {
        self.current.sought.raises() != self.sifter.sifted_at
    }

    /// Whether a task was raised since this step began.
    pub(super) fn has_news_of_raises(&self) -> bool {
        self.executor.pending.sought().raises() != self.current.sought.raises()
    }

    /// Sifts, if the worker has not spent its share of time on that.
    #[cold]
    pub(super) fn sift_in_turn(&mut self) -> Sifted {
        if self.holds_too_many() || self.now() < self.sifter.not_before {
            return Sifted::FoundNone;
        }
        self.sift()
    }

    /// Sifts the tasks that are left to sift before the worker rests.
    #[cold]
    pub(super) fn sift_or_rest(&mut self) -> Step {
        match self.is_to_sift() && self.sift() == Sifted::FoundSome {
            true => Step::Ran,
            false => Step::Rest,
        }
    }

    fn sift(&mut self) -> Sifted {
        let began = self.now();
        let low = self.route.position(QueueId::LOW);
        if let Some(low) = low {
            self.sift_held(low);
        }
        if low.is_some() || self.runs_high_tasks() {
            self.sift_shared();
        }
        self.sifter.sifted_at = self.current.sought.raises();
        let ended = self.now();
        self.sifter.not_before = ended + REST_FACTOR * ended.saturating_sub(began);
        match self.sifter.raised.is_empty() {
            false => Sifted::FoundSome,
            true => Sifted::FoundNone,
        }
    }

    fn most(&self) -> usize {
        match self.route.home {
            QueueId::LOW => MOST_AT_HOME,
            _ => MOST_ELSEWHERE,
        }
    }

    fn holds_too_many(&self) -> bool {
        let low = self.route.position(QueueId::LOW);
        let local = low.and_then(|low| self.locals.get(low));
        local.is_some_and(|local| local.spare() > self.most())
    }

    fn sift_held(&mut self, low: usize) {
        let Some(local) = self.locals.get_mut(low) else {
            return;
        };
        local.sift(&mut self.sifter.raised);
        local.mark_sifted(self.current.sought.raises());
        if local.has_spare() {
            // Another worker may have looked in vain meanwhile.
            self.announce(QueueId::LOW);
        }
    }

    fn runs_high_tasks(&self) -> bool {
        self.route.position(QueueId::HIGH).is_some()
    }

    /// Sifts the channel, unless another worker has done it. A worker that runs high tasks also
    /// sweeps: it sifts what lies in the hands of workers that have not done it yet.
    fn sift_shared(&mut self) {
        let (executor, at) = (self.executor.clone(), self.current.sought.raises());
        let queue = executor.queue(QueueId::LOW);
        let (most, sweeps) = (self.most(), self.runs_high_tasks());
        let raised = &mut self.sifter.raised;
        let looked = match sweeps && queue.len() <= MOST_ELSEWHERE {
            true => queue.sweep(at, raised),
            false => queue.channel_len() <= most && queue.sift(at, raised),
        };
        if looked {
            self.announce_put_back(QueueId::LOW);
        }
    }

    /// Notes that tasks came to this worker, by a theft or from the channel, that were last sifted
    /// at this count.
    pub(super) fn inherit(&mut self, position: usize, sifted_at: u32) {
        if self.route.queues[position] == QueueId::LOW && is_older(sifted_at, self.sifter.sifted_at)
        {
            self.sifter.sifted_at = sifted_at;
            self.sifter.has_unsifted_loot = self.has_spare(position);
        }
    }

    /// Sifts the tasks that came along with `first` before that runs, which may take long. If there
    /// were raised ones, this step ends, so that they can be handed on, and the next one takes
    /// `first`.
    #[cold]
    pub(super) fn sift_loot(&mut self, first: Runnable) -> Result<Runnable, Step> {
        self.sifter.has_unsifted_loot = false;
        if self.sift_in_turn() == Sifted::FoundNone {
            return Ok(first);
        }
        let local = &mut self.locals[self.current.at];
        let pushed = local.push_next(first);
        self.announce_pushed(pushed, self.current.queue);
        Err(Step::Ran)
    }
}
