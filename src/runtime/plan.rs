//! From settings to queues, routes and workers: what a runtime is made of, or why it cannot be.

use std::collections::HashSet;
use std::env::{self, VarError};
use std::sync::Arc;
use std::time::Duration;

use super::build_error::{BuildError, MAX_NICENESS, MAX_THREADS, MIN_STACK_SIZE};
use super::builder::{Builder, FurtherQueue, HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE, cores};
use super::threads::Idle;
use crate::board::Board;
use crate::executor::{
    Executor, ExecutorParts, Host, LocalQueue, MAX_QUEUES, Nearby, ParkingLot, Queue, Route, Spin,
    Stealable, WorkerParts,
};
use crate::ids::{CrewId, QueueId, WorkerId};
use crate::telemetry::RuntimeShape;

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
                name: "high".to_owned(),
                threads: high,
                steals_from: stealing.high_takes().to_vec(),
                reserved: builder.reserved_high,
                standby,
                niceness: None,
            },
            QueuePlan {
                name: "low".to_owned(),
                threads: low,
                steals_from: stealing.low_takes().to_vec(),
                reserved: 0,
                standby: 0,
                niceness,
            },
        ];
        let count = queues.len() + builder.further.len();
        if count > MAX_QUEUES {
            return Err(BuildError::TooManyQueues { queues: count });
        }
        for further in &builder.further {
            queues.push(QueuePlan {
                name: further.name.clone(),
                threads: further.threads,
                steals_from: builder.resolve_steals(further)?,
                reserved: 0,
                standby: 0,
                niceness: None,
            });
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
                Nearby::preferred(self.threads())
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

    /// Everything that the workers share, and what each of them is made of.
    pub(super) fn executor(
        &self,
        builder: &Builder,
        mut surroundings: Surroundings,
    ) -> (Arc<Executor>, Vec<WorkerParts>) {
        let mut crews = CrewPlans::default();
        let mut stealables: Vec<Vec<Stealable>> = self.queues.iter().map(|_| vec![]).collect();
        let board = |_: &QueuePlan| Arc::new(Board::new(self.threads()));
        let boards: Vec<Arc<Board>> = self.queues.iter().map(board).collect();
        let mut workers = Vec::new();
        let mut standbys = Vec::new();
        for (index, (assignment, route)) in self.routes().into_iter().enumerate() {
            let id = WorkerId(u16::try_from(index).expect("no more than MAX_THREADS"));
            let crew = crews.join(assignment, &route);
            standbys.extend(assignment.is_standby().then_some(id));
            let locals = if builder.local_queues {
                let local = |&queue: &QueueId| {
                    let (local, stealable) = LocalQueue::new(id, boards[queue.index()].clone());
                    stealables[queue.index()].push(stealable);
                    local
                };
                route.queues.iter().map(local).collect()
            } else {
                Box::default()
            };
            workers.push(WorkerParts {
                id,
                crew,
                route,
                locals,
                seed: surroundings.rng.u64(..),
            });
        }
        let queue = |((index, plan), stealables): ((usize, &QueuePlan), Vec<Stealable>)| {
            Queue::new(
                &plan.name,
                plan.threads,
                boards[index].clone(),
                stealables.into(),
                crews.serving(queue_id(index)),
            )
        };
        let queues = self.queues.iter().enumerate().zip(stealables).map(queue);
        let executor = Executor::register(ExecutorParts {
            queues: queues.collect(),
            parking_lot: ParkingLot::new(&crews.sizes(), surroundings.nearby),
            shape: RuntimeShape {
                queues: self.queues.iter().map(|plan| plan.name.clone()).collect(),
                homes: workers.iter().map(|parts| parts.route.home).collect(),
                standbys,
            },
            high_waits: self.high_may_wait(),
            observer: builder.observer.clone(),
            long_polls: self.long_polls.clone(),
            spin: surroundings.spin,
            host: surroundings.host,
        });
        (executor, workers)
    }
}

/// The part of a worker in its queue, and its number among those that are the same.
#[derive(Clone, Copy, Debug)]
enum Assignment {
    AtHome(usize),
    Standby(usize),
}

impl Assignment {
    fn is_standby(self) -> bool {
        matches!(self, Assignment::Standby(_))
    }
}

/// Workers grouped by the queues they serve: see `executor/idle.rs`.
#[derive(Default)]
struct CrewPlans(Vec<CrewPlan>);

/// Of several crews, those that come first in this order are unparked first: a standby after those
/// that it stands by for, and of these, those that serve the fewest other queues.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_standby: bool,
    queues: usize,
}

struct CrewPlan {
    rank: Rank,
    /// The queues that it serves, sorted.
    queues: Vec<QueueId>,
    size: usize,
}

impl CrewPlans {
    fn join(&mut self, assignment: Assignment, route: &Route) -> CrewId {
        let mut queues = route.queues.to_vec();
        queues.sort_unstable();
        let rank = Rank {
            is_standby: assignment.is_standby(),
            queues: queues.len(),
        };
        let same = |crew: &CrewPlan| crew.rank == rank && crew.queues == queues;
        let index = self.0.iter().position(same).unwrap_or_else(|| {
            let size = 0;
            self.0.push(CrewPlan { rank, queues, size });
            self.0.len() - 1
        });
        self.0[index].size += 1;
        CrewId(index)
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|crew| crew.size).collect()
    }

    /// The crews that serve a queue, in the order in which their workers are unparked.
    fn serving(&self, queue: QueueId) -> Box<[CrewId]> {
        let crews = self.0.iter().enumerate();
        let serve = crews.filter(|(_, crew)| crew.queues.contains(&queue));
        let mut serving: Vec<(usize, &CrewPlan)> = serve.collect();
        serving.sort_by_key(|(_, crew)| &crew.rank);
        serving.iter().map(|&(index, _)| CrewId(index)).collect()
    }
}

impl QueuePlan {
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

fn queue_id(index: usize) -> QueueId {
    QueueId(u16::try_from(index).expect("no more than MAX_QUEUES"))
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
    use crate::os_thread;

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
