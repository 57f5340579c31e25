//! The place where the outcomes of one tick come together.
//!
//! Each tick has a gathering of its own, which is closed when the tick is over. So what a stage
//! brings too late can get into no other tick's data set.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::data_set::StageOutcome;
use crate::ground::sync::unpoisoned;

pub(super) struct Gathering<O>(Mutex<State<O>>);

struct State<O> {
    /// A place for every stage. None once the gathering is closed.
    // Boxed, since an output may be large, and is handed on several times.
    places: Option<Vec<Option<Box<StageOutcome<O>>>>>,
    progress: Progress,
    /// The pipeline's own task, which waits for the last outcome.
    awaiter: Option<Waker>,
}

/// How far a gathering has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// This number of outcomes is still to come.
    Missing(usize),
    /// A stage's task was cancelled, and its outcome never comes.
    Refused,
}

/// How a gathering ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// Every stage has brought its outcome.
    All,
    /// A stage's task was cancelled: the runtime takes no more tasks.
    Refused,
}

impl<O> Gathering<O> {
    pub(super) fn new(stages: usize) -> Arc<Gathering<O>> {
        Arc::new(Gathering(Mutex::new(State {
            places: Some((0..stages).map(|_| None).collect()),
            progress: Progress::Missing(stages),
            awaiter: None,
        })))
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Gathered> {
        let mut state = self.lock();
        match state.progress {
            Progress::Refused => return Poll::Ready(Gathered::Refused),
            Progress::Missing(0) => return Poll::Ready(Gathered::All),
            Progress::Missing(_) => {}
        }
        let before = state.awaiter.replace(cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Nothing is taken from now on. Gives what there is.
    pub(super) fn close(&self) -> Vec<Option<Box<StageOutcome<O>>>> {
        let mut state = self.lock();
        // A stage that does not return keeps the gathering, and a waker its task's memory.
        let (places, awaiter) = (state.places.take(), state.awaiter.take());
        drop(state);
        drop(awaiter);
        places.expect("a gathering is closed once, by its pipeline")
    }

    /// Gives the outcome back if the gathering is closed.
    fn put(&self, stage: usize, outcome: Box<StageOutcome<O>>) -> Result<(), Box<StageOutcome<O>>> {
        let mut state = self.lock();
        let Some(places) = &mut state.places else {
            return Err(outcome);
        };
        let before = places[stage].replace(outcome);
        assert!(before.is_none(), "stage {stage} has brought two outcomes");
        let mut awaiter = None;
        if let Progress::Missing(missing) = &mut state.progress {
            *missing -= 1;
            if *missing == 0 {
                awaiter = state.awaiter.take();
            }
        }
        drop(state);
        wake(awaiter);
        Ok(())
    }

    fn refuse(&self) {
        let mut state = self.lock();
        state.progress = Progress::Refused;
        let awaiter = state.awaiter.take();
        drop(state);
        wake(awaiter);
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.0.lock())
    }
}

fn wake(awaiter: Option<Waker>) {
    if let Some(awaiter) = awaiter {
        awaiter.wake();
    }
}

/// One stage's place in a gathering, to which its outcome goes.
pub(super) struct OutcomeSender<O> {
    pub(super) gathering: Arc<Gathering<O>>,
    pub(super) stage: usize,
}

impl<O> OutcomeSender<O> {
    /// Gives the outcome back if it is too late.
    pub(super) fn send(self, outcome: Box<StageOutcome<O>>) -> Result<(), Box<StageOutcome<O>>> {
        self.gathering.put(self.stage, outcome)
    }

    /// Notes that there will be no outcome.
    pub(super) fn refuse(self) {
        self.gathering.refuse();
    }
}
