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
//! 1. The pipeline [assigns](Lane::assign) a run for a tick, and spawns the task.
//! 2. The task finds the input locked for writing and waits, without blocking its thread.
//! 3. It takes the run and runs the stage, in one and the same poll: the input is never locked
//!    across an await.
//! 4. Its tick is over, or the input was locked for too long.
//! 5. The outcome goes to the tick's gathering, and nowhere if that is closed.
//!
//! A task that is queued or waits for the lock when the next tick comes takes that tick's run
//! instead: so however long the low queue is, no stage is in it twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use std::{future::Future, mem};

use super::data_set::StageOutcome;
use super::gathering::OutcomeSender;
use super::shared::{Access, LockWait, ReadGuard, Shared};
use super::stage::{BoxedStage, StageError};
use super::window::Window;
use crate::ground::shield::{message, shielded};
use crate::ground::sync::unpoisoned;
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
    /// The task has not been polled. No run: its tick is over.
    Queued(Option<StageRun<O>>),
    /// The task waits for the input.
    Locking(Option<StageRun<O>>),
    Running(Window),
}

/// A run of a stage for one tick.
pub(super) struct StageRun<O> {
    pub(super) window: Window,
    /// When to give up waiting for the input.
    pub(super) lock_by: Instant,
    pub(super) outcome_to: OutcomeSender<O>,
}

/// The state of an assignment.
pub(super) enum Assigned<I, O> {
    /// The lane has a new task, which is to be spawned.
    Spawn(LaneTask<I, O>),
    /// The task that is on its way takes it.
    Taken,
    /// The stage still runs for this window.
    Busy(Window, OutcomeSender<O>),
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
    pub(super) fn assign(self: &Arc<Lane<I, O>>, run: StageRun<O>) -> Assigned<I, O> {
        let mut state = self.lock();
        match &mut *state {
            State::Idle => {
                *state = State::Queued(Some(run));
                Assigned::Spawn(LaneTask::new(self.clone()))
            }
            State::Queued(before) | State::Locking(before) => {
                assert!(before.is_none(), "a tick begins when the last is closed");
                *before = Some(run);
                Assigned::Taken
            }
            State::Running(window) => Assigned::Busy(*window, run.outcome_to),
        }
    }

    /// Takes a run back that has not begun. The outcome of a stage that has brought none in time.
    pub(super) fn close(&self) -> Box<StageOutcome<O>> {
        Box::new(match &mut *self.lock() {
            State::Idle | State::Running(_) => StageOutcome::TimedOut,
            State::Queued(run) => {
                *run = None;
                StageOutcome::TimedOut
            }
            State::Locking(run) => {
                *run = None;
                StageOutcome::InputLocked
            }
        })
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(*self.lock(), State::Running(_))
    }

    /// When the run's time to wait for the input is over. None: there is no run, and the lane is
    /// idle from now on.
    fn lock_by(&self) -> Option<Instant> {
        let mut state = self.lock();
        match &*state {
            State::Queued(Some(run)) | State::Locking(Some(run)) => Some(run.lock_by),
            _ => {
                *state = State::Idle;
                None
            }
        }
    }

    /// Edge 2.
    fn wait_for_input(&self) {
        let mut state = self.lock();
        if let State::Queued(run) = &mut *state {
            *state = State::Locking(run.take());
        }
    }

    /// Edge 3. None: edge 4.
    fn begin(&self) -> Option<StageRun<O>> {
        let mut state = self.lock();
        let run = state.take_run();
        if let Some(run) = &run {
            *state = State::Running(run.window);
        }
        run
    }

    /// Edge 4, if the run's time is over. `false`: another run has come, which has more time.
    fn gives_up(&self) -> bool {
        let mut state = self.lock();
        if let State::Locking(Some(run)) = &*state
            && run.lock_by > now()
        {
            return false;
        }
        let run = state.take_run();
        // Unlock before telling: the pipeline may assign the next run at once.
        drop(state);
        if let Some(run) = run {
            tell(run.outcome_to, Box::new(StageOutcome::InputLocked));
        }
        true
    }

    /// Edge 5.
    fn run(&self, run: StageRun<O>, input: ReadGuard<I>) {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            boxed(self.stage.run(&input, run.window))
        }));
        // Unlock before telling: the listener may want to write.
        drop(input);
        let outcome = outcome_of(ran);
        // Idle before telling: the pipeline may assign the next run at once.
        *self.lock() = State::Idle;
        tell(run.outcome_to, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.state.lock())
    }
}

impl<O> State<O> {
    /// The run that has not begun; the lane is idle then.
    fn take_run(&mut self) -> Option<StageRun<O>> {
        match mem::replace(self, State::Idle) {
            State::Queued(run) | State::Locking(run) => run,
            State::Idle | State::Running(_) => {
                unreachable!("a run is taken by the lane's only task, before it runs")
            }
        }
    }
}

/// Boxed here, since the output may be large: each function that it is handed through needs room
/// for it on the stack in a build without optimisations.
fn boxed<O>(returned: Result<O, StageError>) -> Box<StageOutcome<O>> {
    Box::new(match returned {
        Ok(output) => StageOutcome::Done(output),
        Err(error) => StageOutcome::Failed(error),
    })
}

fn outcome_of<O>(ran: std::thread::Result<Box<StageOutcome<O>>>) -> Box<StageOutcome<O>> {
    ran.unwrap_or_else(|payload| {
        let message = message(&*payload).to_owned();
        shielded("a destructor of a stage's panic", || drop(payload));
        Box::new(StageOutcome::Panicked(message))
    })
}

fn tell<O>(outcome_to: OutcomeSender<O>, outcome: Box<StageOutcome<O>>) {
    if let Err(late) = outcome_to.send(outcome) {
        shielded("a destructor of a stage's late output", || drop(late));
    }
}

/// The task of a lane: waits for the input, and runs the stage once.
#[must_use = "a lane waits for its task: spawn it"]
pub(super) struct LaneTask<I, O> {
    /// None once it is done.
    lane: Option<Arc<Lane<I, O>>>,
    wait: LockWait<I>,
    /// Rings when the input has been locked for too long.
    alarm: Option<Sleep>,
}

impl<I, O> LaneTask<I, O> {
    fn new(lane: Arc<Lane<I, O>>) -> LaneTask<I, O> {
        LaneTask {
            wait: lane.input.wait(Access::Read),
            lane: Some(lane),
            alarm: None,
        }
    }

    fn poll_lane(&mut self, lane: &Lane<I, O>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(lock_by) = lane.lock_by() else {
                return Poll::Ready(());
            };
            if let Poll::Ready(input) = self.wait.poll_read(cx) {
                if let Some(run) = lane.begin() {
                    lane.run(run, input);
                }
                return Poll::Ready(());
            }
            lane.wait_for_input();
            ready!(self.poll_alarm(lock_by, cx));
            if lane.gives_up() {
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

impl<I, O> Future for LaneTask<I, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let lane = self.lane.clone().expect("not polled after its end");
        ready!(self.poll_lane(&lane, cx));
        self.lane = None;
        Poll::Ready(())
    }
}

impl<I, O> Drop for LaneTask<I, O> {
    fn drop(&mut self) {
        // It was cancelled, by the end of its runtime.
        if let Some(lane) = self.lane.take() {
            let run = lane.lock().take_run();
            if let Some(run) = run {
                run.outcome_to.refuse();
            }
        }
    }
}
