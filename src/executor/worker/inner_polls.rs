//! Polls within a poll: other tasks, which a worker polls while the task that it is in waits.
//!
//! A task that joins others blocks its thread until they have ended. Before it does, its worker
//! polls those of them that still lie in queues, on this very stack: where tasks join tasks that
//! join tasks, that spares a thread for each. Each is polled once, which is all that is needed for
//! a task that does not wait for anything else.
//!
//! # Why no program comes to a halt by it
//!
//! A poll within another keeps the outer one from going on. So it must not wait for anything that
//! the outer one does afterwards. A task that is joined cannot: if it did, the program would hang
//! without inner polls as well. Any other task might, for a lock that the outer one holds.
//! [`InnerPolls::step`] takes any task; it is for a thread that can neither go on nor give its
//! worker away. Read `telling.rs` next.

use std::collections::BTreeSet;
use std::mem;

use super::{Current, Step, Worker, run, step_with};
use crate::ending::Phase;
use crate::executor::runnable::{IsWanted, Runnable};
use crate::executor::seat;
use crate::executor::telling;
use crate::executor::thread_locals::{NOTE, Note};
use crate::ground::ids::{ExecutorId, TaskId};
use crate::ground::poll::{self, InnerLevel, Room};
use crate::ground::telemetry::event::{Event, Source};
use crate::ground::telemetry::polling::Polled;

/// A task, and the kind of place that it was picked from.
type Picked = (Runnable, Source);

/// Polls those of the tasks that lie in queues of the worker that sits here. Without a worker it
/// does nothing.
pub(crate) fn run_joined(tasks: impl Iterator<Item = (ExecutorId, TaskId)>) {
    let wanted = seat::with_worker(|worker| worker.wanted(tasks));
    let Some(mut wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return;
    };
    let Some(mut inner) = InnerPolls::begin(Room::ForJoined) else {
        return;
    };
    let joins_in_high = inner.outer.is_high;
    let mut pick = || {
        let pick_joined = |worker: &mut Worker| worker.pick_joined(&wanted, joins_in_high);
        let picked = seat::with_worker(pick_joined).flatten()?;
        wanted.remove(&picked.metadata().id);
        Some(picked)
    };
    while let Some(picked) = pick() {
        inner.run(picked);
    }
}

/// Lets the worker that sits here poll tasks within the poll that it is in, until it is dropped.
pub(crate) struct InnerPolls {
    outer: Current,
    outer_polled: Option<Polled>,
    outer_note: Note,
    /// Whether the observer knows that the outer poll waits for polls within it.
    is_told: bool,
    _level: InnerLevel,
    /// The outer poll may have entered another runtime than the worker's.
    _entered: seat::Entered,
}

impl InnerPolls {
    /// `None`: no worker sits here, or the stack has no room.
    pub(crate) fn begin(room: Room) -> Option<InnerPolls> {
        let (outer, outer_polled, executor) = seat::with_worker(|worker| {
            let polled = worker.tally().polling.get();
            (worker.current, polled, worker.executor.clone())
        })?;
        Some(InnerPolls {
            outer,
            outer_polled,
            outer_note: NOTE.get(),
            is_told: false,
            _level: InnerLevel::begin(room, executor.host.stack_size())?,
            _entered: seat::enter(executor),
        })
    }

    /// One step of the worker, with whichever task it finds.
    pub(crate) fn step(&mut self) -> Step {
        step_with(|runnable| self.run(runnable))
    }

    /// Runs a task. Before the first of them, the observer is told that the outer poll waits for
    /// polls within it: by [`Event::Replaced`], which elsewhere tells that another thread takes the
    /// worker over.
    fn run(&mut self, runnable: Runnable) {
        if !mem::replace(&mut self.is_told, true) {
            let worker = seat::with_worker(|worker| worker.id);
            worker
                .iter()
                .for_each(|&worker| telling::emit(|| Event::Replaced { worker }));
        }
        run(runnable);
    }
}

impl Drop for InnerPolls {
    fn drop(&mut self) {
        NOTE.set(self.outer_note);
        // An inner poll may have given the worker away, and noted whether its own task is high.
        poll::note_blocks_in_high(self.outer.is_high);
        seat::with_worker(|worker| worker.go_on_with(self.outer, self.outer_polled));
    }
}

impl Worker {
    fn go_on_with(&mut self, outer: Current, polled: Option<Polled>) {
        // It may have become a searcher, which it is no longer.
        self.leave_searchers();
        self.turn_to(outer.at, outer.source);
        self.current = outer;
        match polled {
            Some(polled) => self.tally().polling.begin(polled),
            None => self.tally().polling.end(),
        }
    }

    /// Those of the tasks that this worker may be able to poll.
    fn wanted(&self, tasks: impl Iterator<Item = (ExecutorId, TaskId)>) -> BTreeSet<TaskId> {
        let of_this_runtime = tasks.filter(|(executor, _)| *executor == self.executor_id);
        match self.executor.host.polls_joined() {
            true => of_this_runtime.map(|(_, task)| task).collect(),
            false => BTreeSet::new(),
        }
    }

    /// Takes one of the wanted tasks, if this worker may take it where it lies. Where the task that
    /// joins them is a low one, it takes none while work of a higher rank waits at an earlier place
    /// of its route. A low worker, at home in the low queue, leaves high work to others meanwhile.
    fn pick_joined(&mut self, wanted: &BTreeSet<TaskId>, joins_in_high: bool) -> Option<Runnable> {
        if self.executor.phase() == Phase::Closed {
            return None;
        }
        let is_wanted = |runnable: &Runnable| wanted.contains(&runnable.metadata().id);
        for position in 0..self.route.queues.len() {
            if !joins_in_high && self.has_higher_work(position) {
                return None;
            }
            if let Some((runnable, source)) = self.pick_at(position, &is_wanted) {
                self.turn_to(position, source);
                self.current.sought = self.executor.pending.sought();
                self.begin(runnable.metadata());
                return Some(runnable);
            }
        }
        None
    }

    /// Whether work waits at an earlier place of the route that outranks the queue at this one.
    fn has_higher_work(&self, position: usize) -> bool {
        let here = self.route.queues[position];
        let mut before = (0..position).filter(|&at| self.route.queues[at].outranks(here));
        before.any(|at| {
            let local = self.locals.get(at);
            local.is_some_and(|local| !local.is_bare()) || self.has_work(self.route.queues[at])
        })
    }

    fn pick_at(&mut self, position: usize, is_wanted: IsWanted<'_>) -> Option<Picked> {
        let local = self.pick_local(position, is_wanted);
        local.or_else(|| self.pick_in_channel(position, is_wanted))
    }

    fn pick_local(&mut self, position: usize, is_wanted: IsWanted<'_>) -> Option<Picked> {
        let local = self.locals.get_mut(position)?;
        let picked = local.pick(is_wanted);
        if local.has_spare() {
            // Another worker may have looked in vain meanwhile.
            self.announce(self.route.queues[position]);
        }
        Some((picked?, Source::Local))
    }

    fn pick_in_channel(&mut self, position: usize, is_wanted: IsWanted<'_>) -> Option<Picked> {
        let id = self.route.queues[position];
        let executor = self.executor.clone();
        let raises = executor.pending.sought().raises();
        let mut wanted = executor.queue(id).pick(is_wanted).into_iter();
        executor.look_again_for_raised(id, raises);
        let picked = wanted.next();
        match self.locals.get_mut(position) {
            Some(local) => local.refill(wanted),
            None => wanted.for_each(|runnable| executor.queue(id).push(runnable)),
        }
        self.announce_put_back(id);
        Some((picked?, Source::Channel))
    }
}
