//! The modelled machine: cores with a clock each, and the cache lines that they pass around.
//!
//! The simulator makes one step of a worker at a time; the machine has it choose the worker whose
//! core is the furthest behind. What the step touches moves that core's clock on. A line that
//! another core has changed must come from there, and serves one core at a time, so cores that want
//! the same line queue for it. Core 0 is the thread outside, and worker n has core n + 1.

use std::collections::{BTreeMap, HashMap};
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::core_set::MOST_CORES;
use super::costs::Costs;
use super::counts::{Counts, Place};
use super::line::{Found, Line};

/// The machine of the run that goes on.
static MACHINE: Mutex<Option<Machine>> = Mutex::new(None);

/// Held by the thread whose run goes on.
static RUN: Mutex<()> = Mutex::new(());

/// How many rounds a worker searches before it parks, as in `runtime/start.rs`.
const ROUNDS: u32 = 100;

struct Machine {
    costs: Costs,
    cores: Vec<Core>,
    /// The core whose step it is.
    current: usize,
    /// Whether a step is played. What the simulator does itself is not counted.
    plays: bool,
    lines: HashMap<usize, Line>,
    counts: Counts,
    looks: BTreeMap<(&'static str, u32), u64>,
    /// The counts when the program has come to its end.
    concluded: Option<Counts>,
}

#[derive(Clone, Debug, Default)]
struct Core {
    /// In nanoseconds.
    clock: f64,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Runs,
    /// It has searched for so many rounds.
    Searches(u32),
    /// It goes on only when another core has it do so.
    Waits,
}

/// How memory is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Load,
    Store,
    /// A load and a store in one.
    Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Channel,
    Other,
}

/// A task, with the core that queued it.
#[derive(Debug)]
pub(crate) struct Stamped<T> {
    task: T,
    core: usize,
}

/// Runs `run`, which simulates a program, on a machine with a core for each of `workers` and one
/// for the thread outside.
///
/// # Panics
///
/// If there are more cores than the machine can have.
pub fn measure<R>(workers: usize, costs: Costs, run: impl FnOnce() -> R) -> (R, Counts) {
    assert!(workers < MOST_CORES, "{workers} workers");
    let _only_one = RUN.lock().unwrap_or_else(PoisonError::into_inner);
    *machine() = Some(Machine {
        costs,
        cores: vec![Core::default(); workers + 1],
        current: 0,
        plays: false,
        lines: HashMap::new(),
        counts: Counts::default(),
        looks: BTreeMap::new(),
        concluded: None,
    });
    let output = run();
    let machine = machine().take().expect("no other thread takes it");
    let counts = machine.concluded.unwrap_or_default();
    (output, counts)
}

/// Forgets all that was counted so far, and has all clocks begin anew. The lines stay where they
/// are.
pub fn restart() {
    with(Machine::restart);
}

/// The counts since [`restart`] are all that [`measure`] gives: the end of the runtime is not
/// part of it.
pub fn conclude() {
    with(|machine| machine.concluded = Some(machine.sum_up()));
}

/// The current core makes a task.
pub fn charge() {
    with(|machine| machine.spend(machine.costs.spawn));
}

fn machine() -> MutexGuard<'static, Option<Machine>> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<R: Default>(act: impl FnOnce(&mut Machine) -> R) -> R {
    machine().as_mut().map(act).unwrap_or_default()
}

fn with_played(act: impl FnOnce(&mut Machine)) {
    with(|machine| {
        if machine.plays {
            act(machine);
        }
    });
}

// Told by the primitives.

pub(super) fn access<T>(word: *const T, kind: Access, at: &'static Location<'static>) {
    if is_of_one_run(at) {
        with_played(|machine| machine.access(line_of(word), kind, at));
    }
}

/// Whether what is touched there lives as long as the run. An alarm is made for each wait, in
/// memory that was used before: how its line fares depends on the allocator, and not on the seed.
fn is_of_one_run(at: &Location<'_>) -> bool {
    !at.file().ends_with("runtime/alarm.rs")
}

pub(super) fn lock<T>(word: *const T, lock: Lock, at: &'static Location<'static>) {
    with_played(|machine| machine.lock(line_of(word), lock, at));
}

pub(super) fn unpark() {
    with(Machine::unpark);
}

pub(super) fn steal_in_vain() {
    with(|machine| machine.counts.vain_steals += 1);
}

fn line_of<T>(word: *const T) -> usize {
    word.addr() / 64
}

impl<T> Stamped<T> {
    pub(super) fn here(task: T) -> Stamped<T> {
        let core = with(|machine| machine.current);
        Stamped { task, core }
    }

    pub(super) fn arrive(self) -> T {
        with(|machine| machine.arrive(self.core));
        self.task
    }
}

// Asked by the simulator.

/// The step is over: what follows is the simulator's own, until it has picked.
pub(crate) fn choosing() {
    with(|machine| machine.plays = false);
}

/// Of these cores, at least one, the position of the one that goes on. `None`: no machine is there.
pub(crate) fn pick(cores: impl Iterator<Item = usize>) -> Option<usize> {
    let mut machine = machine();
    Some(machine.as_mut()?.pick(cores.collect()))
}

/// The worker that has made this step polled a task.
pub(crate) fn polled() {
    with(|machine| {
        machine.counts.polls += 1;
        machine.here().mode = Mode::Runs;
        machine.spend(machine.costs.poll);
    });
}

/// Whether a worker that has found nothing in this step looks again, since it is `searching`.
pub(crate) fn looks_again(searching: bool) -> bool {
    with(|machine| machine.looks_again(searching))
}

/// The worker that has made this step is parked.
pub(crate) fn parked() {
    with(|machine| machine.here().mode = Mode::Waits);
}

impl Machine {
    fn restart(&mut self) {
        self.counts = Counts::default();
        self.looks.clear();
        self.lines.values_mut().for_each(Line::restart);
        self.cores.iter_mut().for_each(|core| core.clock = 0.0);
    }

    fn here(&mut self) -> &mut Core {
        &mut self.cores[self.current]
    }

    fn spend(&mut self, nanoseconds: f64) {
        self.here().clock += nanoseconds;
    }

    fn access(&mut self, line: usize, kind: Access, at: &'static Location<'static>) {
        let core = self.current;
        let state = self.lines.entry(line).or_default();
        let is_look = (at.file().contains("executor/queue")
            || at.file().ends_with("src/idle/board.rs"))
            && !state.is_written_by(core);
        let found = match kind {
            Access::Load => state.read(core),
            Access::Store | Access::Change => state.write(core, at),
        };
        if kind == Access::Load && is_look {
            self.counts.looks += 1;
            *self.looks.entry((at.file(), at.line())).or_default() += 1;
        }
        match (found, kind) {
            (Found::Elsewhere, _) => self.transfer(line, kind),
            (Found::Here, Access::Change) => self.spend(self.costs.change),
            (Found::Here, _) => self.spend(self.costs.look),
        }
    }

    /// Has a line come from another core, after those that wait for it already.
    fn transfer(&mut self, line: usize, kind: Access) {
        self.counts.transfers += 1;
        let time = self.costs.transfer;
        let begin = self.when_free(line);
        self.here().clock = begin + time;
        // Several cores can read a line alike.
        if kind != Access::Load {
            self.line(line).free_at = begin + time;
        }
    }

    /// When a line can serve this core. A step is played as a whole, so the line may have served
    /// another core at a time that lies far ahead; but no more cores than there are can queue.
    fn when_free(&mut self, line: usize) -> f64 {
        let now = self.here().clock;
        let longest = self.costs.transfer * self.cores.len() as f64;
        let wait = self.line(line).free_at - now;
        match wait > longest {
            true => now,
            false => now + wait.max(0.0),
        }
    }

    fn line(&mut self, line: usize) -> &mut Line {
        self.lines.entry(line).or_default()
    }

    fn lock(&mut self, line: usize, lock: Lock, at: &'static Location<'static>) {
        match lock {
            Lock::Channel => self.counts.channel_locks += 1,
            Lock::Other => self.counts.other_locks += 1,
        }
        self.access(line, Access::Change, at);
        let begin = self.when_free(line);
        let end = begin + self.costs.lock;
        self.here().clock = end;
        self.line(line).free_at = end;
    }

    fn unpark(&mut self) {
        self.counts.unparks += 1;
        self.spend(self.costs.unpark);
    }

    /// A task comes out that was queued by `from`: its memory has to come, too.
    fn arrive(&mut self, from: usize) {
        if from != self.current {
            self.counts.moves += 1;
            self.counts.transfers += 1;
            self.spend(self.costs.transfer);
        }
    }

    fn pick(&mut self, able: Vec<usize>) -> usize {
        self.wake(&able);
        let clock = |&(_, &core): &(usize, &usize)| self.cores[core].clock;
        let first = able
            .iter()
            .enumerate()
            .min_by(|a, b| clock(a).total_cmp(&clock(b)));
        let (position, &core) = first.expect("one can go on");
        self.current = core;
        self.plays = true;
        position
    }

    /// Sets the clocks of the cores that waited and can go on now: the last step has seen to that.
    fn wake(&mut self, able: &[usize]) {
        for &core in able {
            if self.cores[core].mode == Mode::Waits {
                self.cores[core].clock = self.woken_at(core);
                self.cores[core].mode = Mode::Searches(0);
            }
        }
        // The thread outside blocks, and does not say so.
        if !able.contains(&0) {
            self.cores[0].mode = Mode::Waits;
        }
    }

    fn woken_at(&mut self, core: usize) -> f64 {
        let waited = self.here().clock - self.cores[core].clock;
        let latency = match core {
            0 if waited < self.costs.alert => self.costs.transfer,
            0 => {
                self.unpark();
                self.costs.wake
            }
            _ => self.costs.wake,
        };
        self.cores[core].clock.max(self.here().clock + latency)
    }

    fn looks_again(&mut self, searching: bool) -> bool {
        let rounds = match self.here().mode {
            _ if !searching => ROUNDS,
            Mode::Searches(rounds) => rounds,
            Mode::Runs | Mode::Waits => 0,
        };
        self.here().mode = Mode::Searches(rounds + 1);
        self.spend(self.costs.pause);
        rounds < ROUNDS
    }

    fn sum_up(&self) -> Counts {
        let mut places: BTreeMap<(&str, u32), Place> = BTreeMap::new();
        for (at, writes) in self.lines.values().flat_map(Line::shared_writes) {
            places
                .entry((at.file(), at.line()))
                .or_default()
                .shared_writes += writes;
        }
        for (&at, looks) in &self.looks {
            places.entry(at).or_default().looks += looks;
        }
        let place = |((file, line), place)| Place {
            source: format!("{file}:{line}"),
            ..place
        };
        let mut places: Vec<Place> = places.into_iter().map(place).collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.shared_writes + place.looks));
        let clocks = self.cores.iter().map(|core| core.clock);
        Counts {
            shared_writes: places.iter().map(|place| place.shared_writes).sum(),
            nanoseconds: clocks.fold(0.0, f64::max),
            places,
            ..self.counts.clone()
        }
    }
}
