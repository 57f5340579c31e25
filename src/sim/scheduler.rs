//! The seeded scheduler: it decides which worker or thread goes on next, and when time passes.
//!
//! One choice after another, until the simulated future has ended: all that could go on is
//! collected, the seed picks one of it, and that one goes on for one poll. If nothing can go on,
//! time moves to the end of the next sleep. If no task sleeps either, that is a deadlock.
//!
//! The workers are a real runtime's, and each of their steps is [`worker::step`]. Read `host.rs`
//! next, where they stay meanwhile, and `relay.rs` for tasks that block their thread.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::cast::Cast;
use super::chance::Chance;
use super::choice::Choice;
use super::error::Waiting;
use super::machine;
use super::relay::Relay;
use super::root::Root;
use crate::executor::worker::{self, MayPark, Step};
use crate::executor::{Worker, seat};
use crate::ground::shield::shielded;
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::Event;

/// Lets a cast play a future.
pub(super) struct Scheduler<'f> {
    cast: &'f Cast,
    /// The future that is simulated.
    root: &'f dyn Root,
    max_steps: u64,
    state: Mutex<State>,
}

/// How far a simulation has come.
#[derive(Debug)]
struct State {
    rng: fastrand::Rng,
    steps: u64,
    /// Set when it is to end.
    conclusion: Option<Conclusion>,
    /// Whether the executor takes nothing new.
    closed: bool,
    /// Of the closures that waited for a thread when the end came, those that are still to run. The
    /// ones that come later do not: each may hand over another, for ever.
    last_jobs: usize,
    /// Everything that can go on. Empty between two choices; kept for its allocation.
    choices: Vec<Choice>,
}

/// How a simulation has ended, and when.
#[derive(Debug)]
pub(super) struct Conclusion {
    pub(super) verdict: Verdict,
    pub(super) steps: u64,
    pub(super) elapsed: Duration,
}

/// How a simulation has ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The future did; its output or panic is kept with it.
    Ended,
    /// These wait for ever.
    Deadlock(Vec<Waiting>),
    TooLong,
    /// The simulator itself panicked.
    Bug(Box<dyn Any + Send>),
}

impl<'f> Scheduler<'f> {
    pub(super) fn new(cast: &'f Cast, root: &'f dyn Root, max_steps: u64) -> Scheduler<'f> {
        Scheduler {
            cast,
            root,
            max_steps,
            state: Mutex::new(State {
                rng: cast.rng.clone(),
                steps: 0,
                conclusion: None,
                closed: false,
                last_jobs: 0,
                choices: Vec::new(),
            }),
        }
    }

    /// A thread's part in the simulation.
    pub(super) fn drive(&self) {
        let _entered = self.cast.enter();
        let _chance = Chance::new(self.state().rng.u64(..));
        let driven = catch_unwind(AssertUnwindSafe(|| while self.go_on() {}));
        if let Err(payload) = driven {
            self.end(Verdict::Bug(payload));
            self.relay().finish();
        }
    }

    /// Lets one of those go on that can. `false`: this thread is not needed any more.
    fn go_on(&self) -> bool {
        if self.is_too_long() {
            self.end(Verdict::TooLong);
        }
        if self.has_ended() {
            // The blocked threads' wake-ups will not come: first they end, then the rest.
            if let Some(needed) = self.relay().cut_one_short() {
                return needed;
            }
            self.close_executor();
        }
        match self.choose() {
            None => return self.pass_time(),
            Some(Choice::Woken(number)) => return self.relay().resume_woken(number),
            Some(Choice::Root) => {
                if self.root.poll() {
                    self.end(Verdict::Ended);
                }
            }
            Some(Choice::Worker(number)) => self.step(number),
            Some(Choice::Job) => self.run_job(),
        }
        true
    }

    fn is_too_long(&self) -> bool {
        let state = self.state();
        state.steps >= self.max_steps && state.conclusion.is_none()
    }

    /// Picks one of those that can go on, if there are any.
    fn choose(&self) -> Option<Choice> {
        machine::choosing();
        let mut state = self.state();
        let mut choices = mem::take(&mut state.choices);
        let ends = state.conclusion.is_some();
        if self.root.is_woken() && !ends {
            choices.push(Choice::Root);
        }
        if self.cast.pool.waiting() > 0 && (!ends || state.last_jobs > 0) {
            choices.push(Choice::Job);
        }
        choices.extend((0..self.relay().woken()).map(Choice::Woken));
        self.cast.host.add_awake(&self.cast.executor, &mut choices);
        let picked = match choices.is_empty() {
            true => None,
            false => Some(machine::pick(&choices, &mut state.rng)),
        };
        choices.clear();
        state.choices = choices;
        state.steps += u64::from(picked.is_some());
        picked
    }

    fn run_job(&self) {
        let left = self.state().last_jobs.saturating_sub(1);
        self.state().last_jobs = left;
        if let Some(job) = self.cast.pool.take_next() {
            shielded("a closure given to unblock", job);
        }
    }

    /// One step of a worker, on this thread.
    fn step(&self, number: usize) {
        let (mut worker, slept) = self.cast.host.take_worker(number);
        let id = worker.id;
        if slept {
            worker.end_parking();
            self.cast.executor.emit(|| Event::Unparked { worker: id });
        }
        seat::replace_worker(Some(worker));
        let step = worker::step();
        // Not there if the task has blocked: then it is with the host already.
        let Some(mut worker) = seat::replace_worker(None) else {
            return;
        };
        match machine::after(step, &worker) {
            Step::Ran | Step::Replaced => self.cast.host.put_worker(worker),
            Step::Rest => match worker.begin_parking() {
                MayPark::No => self.cast.host.put_worker(worker),
                MayPark::Yes => {
                    self.cast.host.put_sleeper(worker);
                    machine::parked();
                    self.cast.executor.emit(|| Event::Parked { worker: id });
                }
            },
            Step::Close => self.close(worker),
        }
    }

    /// Nothing can go on. `false`: this thread is not needed any more.
    fn pass_time(&self) -> bool {
        if self.has_ended() {
            self.relay().finish();
            return false;
        }
        let steps = self.state().steps;
        if self.cast.host.watch(&self.cast.executor, steps) {
            return true;
        }
        if !self.cast.timer.move_on() {
            self.end(Verdict::Deadlock(self.cast.chronicle.waiting()));
        }
        true
    }

    // Ending.

    /// Notes that it is to end, and how, unless that is known already.
    fn end(&self, verdict: Verdict) {
        let mut state = self.state();
        let (steps, elapsed) = (state.steps, self.cast.timer.elapsed());
        if state.conclusion.is_none() {
            state.last_jobs = self.cast.pool.waiting();
            state.conclusion = Some(Conclusion {
                verdict,
                steps,
                elapsed,
            });
        }
    }

    fn has_ended(&self) -> bool {
        self.state().conclusion.is_some()
    }

    /// Cancels the tasks that are left, as a runtime's end does. Once.
    fn close_executor(&self) {
        if !mem::replace(&mut self.state().closed, true) {
            shielded("a destructor of the simulated future", || {
                self.root.drop_future();
            });
            self.cast.executor.close();
        }
    }

    /// How it has ended, once all threads have come back.
    pub(super) fn into_conclusion(self) -> Conclusion {
        let state = self.state.into_inner();
        let conclusion = unpoisoned(state).conclusion;
        conclusion.expect("threads come back when the simulation has ended")
    }

    fn close(&self, worker: Box<Worker>) {
        for runnable in worker.close() {
            self.cast.executor.cut_off(runnable);
        }
        self.cast.executor.thread_leaves();
    }

    fn relay(&self) -> &Relay {
        &self.cast.host.relay
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}
