//! A stage, and the task that runs it: at most one at a time.
//!
//! ```text
//!            (1) assign: spawns            (3) the input is free
//!   ┌──────┐ ───────────────▶ ┌────────┐ ──────────────────────▶ ┌─────────┐
//!   │ idle │                  │ queued │        ┌─────────┐      │ running │
//!   └──────┘                  └────────┘ ─────▶ │ locking │ ───▶ └─────────┘
//!      ▲                         │         (2)  └─────────┘ (3)     │
//!      │   (4) closed, or        │                   │              │ (5) returned
//!      │       locked for long   │                   │              │     or panicked
//!      └─────────────────────────┴───────────────────┴──────────────┘
//! ```
//!
//! 1. The pipeline [assigns](Lane::assign) a job for a tick, and spawns the task.
//! 2. The task finds the input locked for writing and waits, without blocking its thread.
//! 3. It takes the job and runs the stage, in one and the same poll: the input is never locked
//!    across an await.
//! 4. Its tick is over, or the input was locked for too long.
//! 5. The outcome goes to the tick's gathering, and nowhere if that is closed.
//!
//! A task that is queued or waits for the lock when the next tick comes takes that tick's job
//! instead: so however long the low queue is, no stage is in it twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use std::{future::Future, mem};

use super::data_set::Outcome;
use super::gathering::Seat;
use super::shared::{Access, ReadGuard, Shared, Wait};
use super::stage::{BoxedStage, StageError};
use super::window::Window;
use crate::executor::{message, shielded};
use crate::sync::unpoisoned;
use crate::time::{Sleep, now, sleep_until};

pub(super) struct Lane<I, O> {
    pub(super) name: Arc<str>,
    stage: BoxedStage<I, O>,
    input: Shared<I>,
    state: Mutex<State<O>>,
}

enum State<O> {
    /// There is no task.
    Idle,
    /// The task has not been polled. No job: its tick is over.
    Queued(Option<Job<O>>),
    /// The task waits for the input.
    Locking(Option<Job<O>>),
    Running(Window),
}

/// A run of a stage for one tick.
pub(super) struct Job<O> {
    pub(super) window: Window,
    /// When to give up waiting for the input.
    pub(super) lock_by: Instant,
    pub(super) seat: Seat<O>,
}

/// What has become of an assignment.
pub(super) enum Assigned<I, O> {
    /// This is to be spawned.
    Spawn(Duty<I, O>),
    /// The task that is on its way takes it.
    Taken,
    /// The stage still runs for this window.
    Busy(Window, Seat<O>),
}

impl<I, O> Lane<I, O> {
    pub(super) fn new(
        name: Arc<str>,
        stage: BoxedStage<I, O>,
        input: Shared<I>,
    ) -> Arc<Lane<I, O>> {
        Arc::new(Lane {
            name,
            stage,
            input,
            state: Mutex::new(State::Idle),
        })
    }

    /// Edge 1.
    pub(super) fn assign(self: &Arc<Lane<I, O>>, job: Job<O>) -> Assigned<I, O> {
        let mut state = self.lock();
        match &mut *state {
            State::Idle => {
                *state = State::Queued(Some(job));
                Assigned::Spawn(Duty::new(self.clone()))
            }
            State::Queued(before) | State::Locking(before) => {
                assert!(before.is_none(), "a tick begins when the last is closed");
                *before = Some(job);
                Assigned::Taken
            }
            State::Running(window) => Assigned::Busy(*window, job.seat),
        }
    }

    /// Takes back what has not begun. Gives what a stage comes to whose outcome is not there.
    pub(super) fn close(&self) -> Outcome<O> {
        match &mut *self.lock() {
            State::Idle | State::Running(_) => Outcome::TimedOut,
            State::Queued(job) => {
                *job = None;
                Outcome::TimedOut
            }
            State::Locking(job) => {
                *job = None;
                Outcome::InputLocked
            }
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(*self.lock(), State::Running(_))
    }

    /// When the job's time to wait for the input is over. None: there is no job, and the lane is
    /// idle from now on.
    fn lock_by(&self) -> Option<Instant> {
        let mut state = self.lock();
        match &*state {
            State::Queued(Some(job)) | State::Locking(Some(job)) => Some(job.lock_by),
            _ => {
                *state = State::Idle;
                None
            }
        }
    }

    /// Edge 2.
    fn wait_for_input(&self) {
        let mut state = self.lock();
        if let State::Queued(job) = &mut *state {
            *state = State::Locking(job.take());
        }
    }

    /// Edge 3. None: edge 4.
    fn begin(&self) -> Option<Job<O>> {
        let mut state = self.lock();
        let job = state.take_job();
        if let Some(job) = &job {
            *state = State::Running(job.window);
        }
        job
    }

    /// Edge 4, if the job's time is over. None: there is another job by now, which has more time.
    fn give_up(&self) -> Option<()> {
        let mut state = self.lock();
        if let State::Locking(Some(job)) = &*state
            && job.lock_by > now()
        {
            return None;
        }
        let job = state.take_job();
        // Unlock before telling: the pipeline may assign the next job at once.
        drop(state);
        if let Some(job) = job {
            tell(job.seat, Outcome::InputLocked);
        }
        Some(())
    }

    /// Edge 5.
    fn run(&self, job: Job<O>, input: ReadGuard<I>) {
        let ran = catch_unwind(AssertUnwindSafe(|| self.stage.run(&input, job.window)));
        // Unlock before telling: whoever hears of it may want to write.
        drop(input);
        let outcome = outcome_of(ran);
        // Idle before telling: the pipeline may assign the next job at once.
        *self.lock() = State::Idle;
        tell(job.seat, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.state.lock())
    }
}

impl<O> State<O> {
    /// The job that has not begun; the lane is idle then.
    fn take_job(&mut self) -> Option<Job<O>> {
        match mem::replace(self, State::Idle) {
            State::Queued(job) | State::Locking(job) => job,
            State::Idle | State::Running(_) => {
                unreachable!("a job is taken by the lane's only task, before it runs")
            }
        }
    }
}

fn outcome_of<O>(ran: std::thread::Result<Result<O, StageError>>) -> Outcome<O> {
    match ran {
        Ok(Ok(output)) => Outcome::Done(output),
        Ok(Err(error)) => Outcome::Failed(error),
        Err(payload) => {
            let message = message(&*payload).to_owned();
            shielded("a destructor of a stage's panic", || drop(payload));
            Outcome::Panicked(message)
        }
    }
}

fn tell<O>(seat: Seat<O>, outcome: Outcome<O>) {
    if let Err(late) = seat.put(outcome) {
        shielded("a destructor of a stage's late output", || drop(late));
    }
}

/// The task of a lane: waits for the input, and runs the stage once.
#[must_use = "a lane waits for its task: spawn it"]
pub(super) struct Duty<I, O> {
    /// None once it is done.
    lane: Option<Arc<Lane<I, O>>>,
    wait: Wait<I>,
    /// Rings when the input has been locked for too long.
    alarm: Option<Sleep>,
}

impl<I, O> Duty<I, O> {
    fn new(lane: Arc<Lane<I, O>>) -> Duty<I, O> {
        Duty {
            wait: lane.input.wait(Access::Read),
            lane: Some(lane),
            alarm: None,
        }
    }

    fn poll_duty(&mut self, lane: &Lane<I, O>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(lock_by) = lane.lock_by() else {
                return Poll::Ready(());
            };
            if let Poll::Ready(input) = self.wait.poll_read(cx) {
                if let Some(job) = lane.begin() {
                    lane.run(job, input);
                }
                return Poll::Ready(());
            }
            lane.wait_for_input();
            ready!(self.poll_alarm(lock_by, cx));
            if let Some(()) = lane.give_up() {
                return Poll::Ready(());
            }
        }
    }

    fn poll_alarm(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| sleep_until(deadline));
        if alarm.deadline() != Some(deadline) {
            alarm.reset(deadline);
        }
        Pin::new(alarm).poll(cx)
    }
}

impl<I, O> Future for Duty<I, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let lane = self.lane.clone().expect("not polled after its end");
        ready!(self.poll_duty(&lane, cx));
        self.lane = None;
        Poll::Ready(())
    }
}

impl<I, O> Drop for Duty<I, O> {
    fn drop(&mut self) {
        // It was cancelled, by the end of its runtime.
        if let Some(lane) = self.lane.take() {
            let job = lane.lock().take_job();
            if let Some(job) = job {
                job.seat.refuse();
            }
        }
    }
}
