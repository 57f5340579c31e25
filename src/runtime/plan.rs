//! From settings to queues, routes and workers: what a runtime is made of, or why it cannot be.

use std::collections::HashSet;
use std::env::{self, VarError};
use std::sync::Arc;
use std::time::Duration;

use super::build_error::{BuildError, MAX_NICENESS, MAX_THREADS, MIN_STACK_SIZE};
use super::builder::{Builder, FurtherQueue, HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE, cores};
use super::threads::Idle;
use super::workforce::{Assignment, GivesWay, Workforce, queue_id};
use crate::executor::{Executor, ExecutorParts, Host, MAX_QUEUES, Route, WorkerParts};
use crate::ground::ids::QueueId;
use crate::ground::telemetry::RuntimeShape;
use crate::idle::{Nearby, ParkingLot, Spin};

/// A validated configuration: which queues there are, and which routes their workers take.
pub(super) struct Plan {
    queues: Vec<QueuePlan>,
    /// For each queue, how long a poll may take before it is reported.
    long_polls: Box<[Duration]>,
}

/// The parts of a runtime that the workers of a plan are put into.
pub(super) struct Surroundings {
    pub(super) host: Arc<dyn Host>,
    pub(super) spin: Spin,
    pub(super) nearby: Nearby,
    /// Gives each worker a seed of its own.
    pub(super) rng: fastrand::Rng,
}

/// One queue and its workers.
struct QueuePlan {
    name: String,
    threads: usize,
    /// The queues that its workers also take from. The reserved ones take from none.
    steals_from: Vec<QueueId>,
    reserved: usize,
    /// How many workers stand by besides: they take from no other queue.
    standby: usize,
    /// How many of all these a worker at high work leaves parked (`idle/nearby.rs`).
    kept: usize,
    niceness: Option<u8>,
}

impl Plan {
    pub(super) fn new(builder: &Builder) -> Result<Plan, BuildError> {
        let high = resolve(builder.high, HIGH_NUM_VARIABLE, default_high)?;
        let low = resolve(builder.low, LOW_NUM_VARIABLE, || 1)?;
        let standby = builder.effective_standby(high);
        let niceness = builder.effective_nice(standby);
        let stealing = builder.effective_stealing(standby, niceness);
        let mut queues = vec![
            QueuePlan {
                reserved: builder.reserved_high,
                standby,
                kept: builder.kept(standby),
                ..QueuePlan::new("high", high, stealing.high_takes().to_vec())
            },
            QueuePlan {
                niceness,
                ..QueuePlan::new("low", low, stealing.low_takes().to_vec())
            },
        ];
        let count = queues.len() + builder.further.len();
        if count > MAX_QUEUES {
            return Err(BuildError::TooManyQueues { queues: count });
        }
        for further in &builder.further {
            let steals_from = builder.resolve_steals(further)?;
            queues.push(QueuePlan::new(&further.name, further.threads, steals_from));
        }
        let names: Vec<&str> = queues.iter().map(|queue| &*queue.name).collect();
        let long_polls = builder.long_polls.resolve(&names);
        let plan = Plan {
            long_polls: long_polls.map_err(|queue| BuildError::NoQueueForLongPoll { queue })?,
            queues,
        };
        plan.check(builder)?;
        Ok(plan)
    }

    pub(super) fn reports_long_polls(&self) -> bool {
        self.long_polls
            .iter()
            .any(|&threshold| threshold != Duration::MAX)
    }

    fn check(&self, builder: &Builder) -> Result<(), BuildError> {
        self.check_names(builder)?;
        let threads = self.threads();
        if threads == 0 {
            return Err(BuildError::NoThreads);
        }
        if threads > MAX_THREADS {
            return Err(BuildError::TooManyThreads { threads });
        }
        let high = &self.queues[QueueId::HIGH.index()];
        if high.reserved > high.threads {
            return Err(BuildError::ReservedExceedsHigh {
                reserved: high.reserved,
                high: high.threads,
            });
        }
        if high.standby > 0 && !self.high_may_be_away() {
            return Err(BuildError::StandbyForNone);
        }
        if let Some(niceness) = builder.low_nice.filter(|&n| n > MAX_NICENESS) {
            return Err(BuildError::BadNiceness { niceness });
        }
        if builder.idle == Idle::Nap(Duration::ZERO) {
            return Err(BuildError::ZeroNap);
        }
        let stack = builder.threads.stack_size;
        if let Some(bytes) = stack.filter(|&bytes| bytes < MIN_STACK_SIZE) {
            return Err(BuildError::SmallStack { bytes });
        }
        self.check_served()
    }

    fn check_names(&self, builder: &Builder) -> Result<(), BuildError> {
        let mut seen = HashSet::new();
        for queue in &self.queues {
            if !seen.insert(&queue.name) {
                let queue = queue.name.clone();
                return Err(BuildError::DuplicateQueue { queue });
            }
        }
        let names = self.queues.iter().map(|queue| &queue.name);
        let bad = |name: &&String| name.is_empty() || name.contains('\0');
        match names.chain([&builder.thread_name]).find(bad) {
            Some(name) => Err(BuildError::BadName { name: name.clone() }),
            None => Ok(()),
        }
    }

    fn check_served(&self) -> Result<(), BuildError> {
        let routes = self.routes();
        for (index, queue) in self.queues.iter().enumerate() {
            let id = queue_id(index);
            if !routes.iter().any(|(_, route)| route.position(id).is_some()) {
                let queue = queue.name.clone();
                return Err(BuildError::Unserved { queue });
            }
        }
        Ok(())
    }

    /// Nearness counts where low threads give way at once, and where there can be a high thread
    /// near each of them.
    pub(super) fn nearby(&self) -> Nearby {
        let [high, low] = [QueueId::HIGH, QueueId::LOW].map(|id| &self.queues[id.index()]);
        match low.niceness {
            Some(1..) if high.threads + high.standby >= cores() => {
                Nearby::preferred(self.threads(), high.kept)
            }
            _ => Nearby::indifferent(),
        }
    }

    /// The niceness that the low threads really have.
    pub(super) fn low_nice(&self) -> Option<u8> {
        self.queues[QueueId::LOW.index()].niceness
    }

    /// Whether all high threads may be away at once, and none stands by.
    fn high_may_wait(&self) -> bool {
        let high = &self.queues[QueueId::HIGH.index()];
        self.high_may_be_away() && high.reserved == 0 && high.standby == 0
    }

    /// Whether high threads take low tasks.
    pub(super) fn high_may_be_away(&self) -> bool {
        let high = &self.queues[QueueId::HIGH.index()];
        high.threads > high.reserved && !high.steals_from.is_empty()
    }

    fn threads(&self) -> usize {
        let threads = self
            .queues
            .iter()
            .flat_map(|queue| [queue.threads, queue.standby]);
        threads.fold(0, usize::saturating_add)
    }

    /// Every worker's assignment in its queue, and its route, in the order of their ids.
    fn routes(&self) -> Vec<(Assignment, Route)> {
        let staffed = |id: QueueId| self.queues[id.index()].threads > 0;
        let mut routes = Vec::new();
        for (index, queue) in self.queues.iter().enumerate() {
            let route = |steals_from: &[QueueId]| Route::new(queue_id(index), steals_from, staffed);
            let at_home = (0..queue.threads).map(Assignment::AtHome);
            routes.extend(at_home.map(|assignment| (assignment, route(queue.steals(assignment)))));
            let standby = (0..queue.standby).map(Assignment::Standby);
            routes.extend(standby.map(|assignment| (assignment, route(queue.steals(assignment)))));
        }
        routes
    }

    fn gives_way(&self, home: QueueId) -> GivesWay {
        match self.queues[home.index()].niceness {
            Some(1..) => GivesWay::Yes,
            _ => GivesWay::No,
        }
    }

    /// The names and nicenesses of the workers' threads.
    pub(super) fn stations(&self, builder: &Builder) -> Vec<(String, Option<u8>)> {
        let prefix = &builder.thread_name;
        let station = |(assignment, route): (Assignment, Route)| {
            let queue = &self.queues[route.home.index()];
            let name = match assignment {
                Assignment::AtHome(number) => format!("{prefix}-{}-{number}", queue.name),
                Assignment::Standby(number) => format!("{prefix}-standby-{number}"),
            };
            (name, queue.niceness)
        };
        self.routes().into_iter().map(station).collect()
    }

    /// The executor that the workers share, and the parts of each of them.
    pub(super) fn executor(
        &self,
        builder: &Builder,
        surroundings: Surroundings,
    ) -> (Arc<Executor>, Vec<WorkerParts>) {
        let mut rng = surroundings.rng;
        let mut workforce = Workforce::new(self.queues.len(), self.threads());
        for (assignment, route) in self.routes() {
            let gives_way = self.gives_way(route.home);
            workforce.add(assignment, route, gives_way, builder, rng.u64(..));
        }
        let shape = RuntimeShape {
            queues: self.queues.iter().map(|plan| plan.name.clone()).collect(),
            homes: workforce.homes(),
            standbys: workforce.take_standbys(),
        };
        let sizes = self.queues.iter().map(|plan| (&*plan.name, plan.threads));
        let executor = Executor::register(ExecutorParts {
            queues: workforce.take_queues(sizes),
            parking_lot: ParkingLot::new(&workforce.crew_sizes(), surroundings.nearby),
            shape,
            high_waits: self.high_may_wait(),
            observer: builder.observer.clone(),
            long_polls: self.long_polls.clone(),
            spin: surroundings.spin,
            host: surroundings.host,
        });
        (executor, workforce.into_workers())
    }
}

impl QueuePlan {
    /// A queue whose workers are all alike, and not nice.
    fn new(name: &str, threads: usize, steals_from: Vec<QueueId>) -> QueuePlan {
        QueuePlan {
            name: name.to_owned(),
            threads,
            steals_from,
            reserved: 0,
            standby: 0,
            kept: 0,
            niceness: None,
        }
    }

    /// The other queues that a worker with this assignment takes from.
    fn steals(&self, assignment: Assignment) -> &[QueueId] {
        match assignment {
            Assignment::AtHome(number) if number >= self.reserved => &self.steals_from,
            Assignment::AtHome(_) | Assignment::Standby(_) => &[],
        }
    }
}

impl Builder {
    fn resolve_steals(&self, further: &FurtherQueue) -> Result<Vec<QueueId>, BuildError> {
        let names: Vec<&str> = ["high", "low"]
            .into_iter()
            .chain(self.further.iter().map(|queue| &*queue.name))
            .collect();
        let resolve = |wanted: &String| match names.iter().position(|name| name == wanted) {
            Some(index) => Ok(queue_id(index)),
            None => Err(BuildError::UnknownQueue {
                queue: further.name.clone(),
                steals_from: wanted.clone(),
            }),
        };
        further.steals_from.iter().map(resolve).collect()
    }
}

/// An explicit setting, or else the environment's, or else the default.
fn resolve(
    explicit: Option<usize>,
    variable: &'static str,
    default: impl FnOnce() -> usize,
) -> Result<usize, BuildError> {
    if let Some(threads) = explicit {
        return Ok(threads);
    }
    match env::var(variable) {
        Ok(value) => match value.trim().parse() {
            Ok(threads) => Ok(threads),
            Err(_) => Err(BuildError::BadVariable { variable, value }),
        },
        Err(VarError::NotPresent) => Ok(default()),
        Err(VarError::NotUnicode(value)) => Err(BuildError::BadVariable {
            variable,
            value: value.to_string_lossy().into_owned(),
        }),
    }
}

/// Two cores are left to the low thread and to the thread that waits for the results. There is
/// always one high thread.
fn default_high() -> usize {
    high_for(cores())
}

fn high_for(cores: usize) -> usize {
    cores.saturating_sub(2).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::stealing::Stealing;
    use super::{Builder, Plan, cores, high_for};
    use crate::ground::os_thread;

    #[test]
    fn nearness_counts_where_low_threads_are_nice_and_high_ones_can_be_everywhere() {
        let counts = |builder: Builder| Plan::new(&builder).unwrap().nearby().core_here().is_some();
        let preset = || Builder::new().latency_first();
        assert_eq!(counts(preset()), os_thread::HAS_NICENESS);
        assert!(!counts(preset().with_low_nice(0)));
        assert!(!counts(
            preset()
                .with_high_num(cores() - 1)
                .with_standby(0)
                .with_stealing(Stealing::Both)
        ));
        let nice = os_thread::HAS_NICENESS;
        assert_eq!(counts(Builder::new().with_high_num(cores() - 1)), nice);
        assert!(!counts(
            Builder::new().with_high_num(cores()).with_standby(0)
        ));
    }

    #[test]
    fn there_is_a_high_thread_on_every_machine() {
        let defaults = [1, 2, 3, 4, 64].map(high_for);
        assert_eq!(defaults, [1, 1, 1, 2, 62]);
    }
}
