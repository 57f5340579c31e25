//! The place of workers that sit on no thread, and the host that looks after them.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use super::choice::Choice;
use super::relay::{Parker, Relay};
use super::wake_flag::WakeFlag;
use crate::executor::{Bound, Executor, Host, Park, Worker};
use crate::ground::sync::unpoisoned;
use crate::runtime::{LOOK_EVERY, LongPolls, Rounds, default_stack_size};
use crate::time::timer::Timer;
use crate::time::wheel::SleeperKey;

/// The host of simulated workers.
pub(super) struct SimulatedHost {
    pub(super) relay: Arc<Relay>,
    timer: Arc<Timer>,
    workers: Mutex<Vec<Whereabouts>>,
    watchdog: Mutex<SimulatedWatchdog>,
    /// Decides which joins poll their tasks themselves.
    rng: Mutex<fastrand::Rng>,
}

/// Where a worker is.
#[derive(Debug)]
enum Whereabouts {
    Awake(Box<Worker>),
    Asleep(Box<Worker>),
    /// On the thread that steps it, where its task may block it, or closed.
    Away,
}

/// The watchdog's part.
#[derive(Default)]
struct SimulatedWatchdog {
    rounds: Rounds,
    long_polls: LongPolls,
    /// The next look, if it is armed.
    armed: Option<Look>,
    /// Raised when it is time for that look.
    look_due: Arc<WakeFlag>,
    /// From when on it looks, while a poll blocks its thread.
    looks_since: Option<Duration>,
    /// How many steps the simulation had made at the last moment that was about to pass.
    steps: u64,
    /// How many looks came since the last step.
    looks_in_vain: u32,
}

/// A look of the watchdog that is to come.
struct Look {
    at: Duration,
    key: SleeperKey,
}

/// The first look after a step learns what each worker polls, and the second one rescues what lies
/// behind it. A further one finds nothing but a poll that has become long.
const LOOKS_OF_USE: u32 = 2;

impl SimulatedWatchdog {
    fn note(&mut self, steps: u64, looked: bool) {
        match self.steps == steps {
            true => self.looks_in_vain += u32::from(looked),
            false => self.looks_in_vain = 0,
        }
        self.steps = steps;
    }

    /// Arms the next look that is of use. If there is none, the watchdog does not move the clock: a
    /// poll that never ends is a deadlock like any other.
    fn arm(&mut self, timer: &Timer, executor: &Executor) {
        let next = self.next_look(timer.elapsed(), executor);
        if self.armed.as_ref().map(|look| look.at) == next {
            return;
        }
        self.disarm(timer);
        self.armed = next.and_then(|at| {
            let instant = timer.now() + (at - timer.elapsed());
            let key = timer.arm(instant, Waker::from(self.look_due.clone()))?;
            Some(Look { at, key })
        });
    }

    fn next_look(&mut self, now: Duration, executor: &Executor) -> Option<Duration> {
        let since = *self.looks_since.get_or_insert(now);
        let next = now + Duration::from_micros(1);
        let from = match self.looks_in_vain < LOOKS_OF_USE {
            true => next,
            false => self.long_polls.next_due(executor)?.max(next),
        };
        let every = LOOK_EVERY.as_micros();
        let until = (from - since).as_micros().div_ceil(every) * every;
        let until = u64::try_from(until).ok()?;
        Some(since + Duration::from_micros(until))
    }

    fn disarm(&mut self, timer: &Timer) {
        if let Some(look) = self.armed.take() {
            timer.disarm(look.key);
        }
    }
}

impl SimulatedHost {
    /// A host that no worker has [entered](SimulatedHost::enter) yet.
    pub(super) fn new(relay: Arc<Relay>, timer: Arc<Timer>, rng: fastrand::Rng) -> SimulatedHost {
        SimulatedHost {
            relay,
            timer,
            workers: Mutex::default(),
            watchdog: Mutex::default(),
            rng: Mutex::new(rng),
        }
    }

    /// Takes the workers of a new executor, in the order of their numbers.
    pub(super) fn enter(&self, workers: Vec<Worker>) {
        let awake = |worker| Whereabouts::Awake(Box::new(worker));
        *self.places() = workers.into_iter().map(awake).collect();
    }

    /// Adds the workers that can take a step.
    pub(super) fn add_awake(&self, executor: &Executor, choices: &mut Vec<Choice>) {
        let can_step = |place: &Whereabouts| match place {
            Whereabouts::Awake(_) => true,
            Whereabouts::Asleep(worker) => executor.parking_lot.is_awake(worker.id),
            Whereabouts::Away => false,
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
        match mem::replace(&mut self.places()[number], Whereabouts::Away) {
            Whereabouts::Awake(worker) => (worker, false),
            Whereabouts::Asleep(worker) => (worker, true),
            Whereabouts::Away => unreachable!("a worker that is away was chosen"),
        }
    }

    pub(super) fn put_worker(&self, worker: Box<Worker>) {
        let number = worker.id.index();
        self.places()[number] = Whereabouts::Awake(worker);
    }

    pub(super) fn put_sleeper(&self, worker: Box<Worker>) {
        let number = worker.id.index();
        self.places()[number] = Whereabouts::Asleep(worker);
    }

    /// Closes the workers that are left, which hold the executor, and drops their tasks.
    pub(super) fn dismiss(&self, executor: &Executor) {
        let left = mem::take(&mut *self.places());
        for place in left {
            if let Whereabouts::Awake(worker) | Whereabouts::Asleep(worker) = place {
                let tasks = worker.close().into_iter();
                tasks.for_each(|task| executor.cut_off(task));
            }
        }
    }

    /// Does the watchdog's part, to be called before time passes. `true`: it took its look, and
    /// a task may be able to go on. `steps` is how many the simulation has made.
    pub(super) fn watch(&self, executor: &Executor, steps: u64) -> bool {
        let stuck = self.places().iter().any(|p| matches!(p, Whereabouts::Away));
        let mut watchdog = unpoisoned(self.watchdog.lock());
        let is_due = watchdog.look_due.take();
        if is_due {
            watchdog.armed = None;
            watchdog.rounds.look(executor);
        }
        // At every moment that is about to pass, and so without ever being late.
        watchdog.long_polls.look(executor);
        watchdog.note(steps, is_due);
        match stuck {
            true => watchdog.arm(&self.timer, executor),
            false => {
                watchdog.disarm(&self.timer);
                watchdog.looks_since = None;
            }
        }
        is_due
    }

    fn places(&self) -> MutexGuard<'_, Vec<Whereabouts>> {
        unpoisoned(self.workers.lock())
    }
}

impl Host for SimulatedHost {
    fn take_over(
        &self,
        worker: Box<Worker>,
        _bound: Bound,
        tell: &dyn Fn(),
    ) -> Result<(), Box<Worker>> {
        tell();
        self.put_worker(worker);
        Ok(())
    }

    fn rest_until(&self, _is_over: &dyn Fn() -> bool) {
        unreachable!("a simulated worker is always taken over");
    }

    fn polls_joined(&self) -> bool {
        unpoisoned(self.rng.lock()).bool()
    }

    fn stack_size(&self) -> usize {
        default_stack_size()
    }

    fn now(&self) -> Duration {
        self.timer.elapsed()
    }

    fn parker(&self) -> Option<Arc<dyn Park>> {
        // A thread of the user's own takes no part in the relay.
        let takes_part = self.relay.take_part();
        takes_part.then(|| Arc::new(Parker::new(self.relay.clone())) as Arc<dyn Park>)
    }
}
