//! Where workers stay that sit on no thread, and who looks after them.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::choice::Choice;
use super::turns::{Parker, Turns};
use crate::executor::{Executor, Host, Park, Worker};
use crate::runtime::{LOOK_EVERY, LongPolls, Rounds};
use crate::sync::unpoisoned;
use crate::time::timer::Timer;
use crate::time::wheel::Key;

/// The host of simulated workers.
pub(super) struct Stage {
    pub(super) turns: Arc<Turns>,
    timer: Arc<Timer>,
    workers: Mutex<Vec<Place>>,
    watch: Mutex<Watch>,
}

/// Where a worker is.
#[derive(Debug)]
enum Place {
    Awake(Box<Worker>),
    Asleep(Box<Worker>),
    /// On the thread that steps it, where its task may block it, or closed.
    Away,
}

/// The watchdog's part.
#[derive(Default)]
struct Watch {
    rounds: Rounds,
    long_polls: LongPolls,
    /// The time of the next look, if it is armed.
    armed: Option<Key>,
    bell: Arc<Bell>,
}

/// Rings when it is time for the watchdog's next look.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Stage {
    /// A stage that no worker has [entered](Stage::enter) yet.
    pub(super) fn new(turns: Arc<Turns>, timer: Arc<Timer>) -> Stage {
        Stage {
            turns,
            timer,
            workers: Mutex::default(),
            watch: Mutex::default(),
        }
    }

    /// Takes the workers of a new executor, in the order of their numbers.
    pub(super) fn enter(&self, workers: Vec<Worker>) {
        let awake = |worker| Place::Awake(Box::new(worker));
        *self.places() = workers.into_iter().map(awake).collect();
    }

    /// Adds the workers that can take a step.
    pub(super) fn add_awake(&self, executor: &Executor, choices: &mut Vec<Choice>) {
        let can_step = |place: &Place| match place {
            Place::Awake(_) => true,
            Place::Asleep(worker) => executor.sleepers.is_awake(worker.id),
            Place::Away => false,
        };
        let places = self.places();
        let able = places
            .iter()
            .enumerate()
            .filter(|(_, place)| can_step(place));
        choices.extend(able.map(|(number, _)| Choice::Worker(number)));
    }

    /// Takes a worker to step it, and tells whether it slept before.
    pub(super) fn take_worker(&self, number: usize) -> (Box<Worker>, bool) {
        match mem::replace(&mut self.places()[number], Place::Away) {
            Place::Awake(worker) => (worker, false),
            Place::Asleep(worker) => (worker, true),
            Place::Away => unreachable!("a worker that is away was chosen"),
        }
    }

    pub(super) fn put_worker(&self, worker: Box<Worker>) {
        let number = worker.id.index();
        self.places()[number] = Place::Awake(worker);
    }

    pub(super) fn put_sleeper(&self, worker: Box<Worker>) {
        let number = worker.id.index();
        self.places()[number] = Place::Asleep(worker);
    }

    /// Does the watchdog's part, to be called before time passes. `true`: it took its look, and
    /// somebody may be able to go on.
    pub(super) fn watch(&self, executor: &Executor) -> bool {
        let stuck = self.places().iter().any(|p| matches!(p, Place::Away));
        let mut watch = unpoisoned(self.watch.lock());
        let rang = watch.bell.0.swap(false, Ordering::Acquire);
        if rang {
            watch.armed = None;
            watch.rounds.look(executor);
        }
        // At every moment that is about to pass, and so without ever being late.
        watch.long_polls.look(executor);
        if stuck && watch.armed.is_none() {
            let waker = Waker::from(watch.bell.clone());
            let next = self.timer.now() + LOOK_EVERY;
            watch.armed = Some(self.timer.arm(next, waker));
        }
        if !stuck && let Some(armed) = watch.armed.take() {
            self.timer.disarm(armed);
        }
        rang
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        unpoisoned(self.workers.lock())
    }
}

impl Host for Stage {
    fn take_over(&self, worker: Box<Worker>) -> Result<(), (Box<Worker>, io::Error)> {
        self.put_worker(worker);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.timer.elapsed()
    }

    fn parker(&self) -> Option<Arc<dyn Park>> {
        // A thread of the user's own is not one that takes turns.
        let takes_part = self.turns.take_part();
        takes_part.then(|| Arc::new(Parker::new(self.turns.clone())) as Arc<dyn Park>)
    }
}
