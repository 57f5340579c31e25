//! The workers of a plan, with their crews and their local queues, on the way into an executor.

use std::sync::Arc;

use super::builder::Builder;
use crate::executor::{LocalQueue, Queue, Route, Stealable, WorkerParts};
use crate::ground::ids::{CrewId, QueueId, WorkerId};
use crate::idle::Board;

/// The workers that have been added so far, and the parts of queues that come with them.
pub(super) struct Workforce {
    workers: Vec<WorkerParts>,
    standbys: Vec<WorkerId>,
    crews: CrewPlans,
    /// For each queue.
    visible: Vec<Visible>,
}

/// The parts of a queue's workers that other threads see.
struct Visible {
    board: Arc<Board>,
    locals: Vec<Stealable>,
}

/// The part of a worker in its queue, and its number among those that are the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Assignment {
    AtHome(usize),
    Standby(usize),
}

/// Whether a worker's thread is nice, and so gives way to others in the middle of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivesWay {
    Yes,
    No,
}

impl Assignment {
    fn is_standby(self) -> bool {
        matches!(self, Assignment::Standby(_))
    }
}

impl Workforce {
    pub(super) fn new(queues: usize, threads: usize) -> Workforce {
        let visible = |_| Visible {
            board: Arc::new(Board::new(threads)),
            locals: Vec::new(),
        };
        Workforce {
            workers: Vec::new(),
            standbys: Vec::new(),
            crews: CrewPlans::default(),
            visible: (0..queues).map(visible).collect(),
        }
    }

    /// Adds the worker with the next number.
    pub(super) fn add(
        &mut self,
        assignment: Assignment,
        route: Route,
        gives_way: GivesWay,
        builder: &Builder,
        seed: u64,
    ) {
        let number = u16::try_from(self.workers.len());
        let id = WorkerId(number.expect("no more than MAX_THREADS"));
        self.standbys.extend(assignment.is_standby().then_some(id));
        let crew = self.crews.join(assignment, &route);
        let (locals, outbox) = match builder.local_queues {
            true => (
                self.make_locals(id, &route),
                self.make_outbox(id, &route, gives_way),
            ),
            false => (Box::default(), None),
        };
        self.workers.push(WorkerParts {
            id,
            crew,
            route,
            locals,
            outbox,
            seed,
        });
    }

    fn make_locals(&mut self, id: WorkerId, route: &Route) -> Box<[LocalQueue]> {
        let local = |queue: &QueueId| {
            let visible = &mut self.visible[queue.index()];
            let (local, stealable) = LocalQueue::new(id, visible.board.clone());
            visible.locals.push(stealable);
            local
        };
        route.queues.iter().map(local).collect()
    }

    /// An outbox for the high tasks of a worker whose thread is nice, unless it serves the high
    /// queue itself.
    fn make_outbox(
        &mut self,
        id: WorkerId,
        route: &Route,
        gives_way: GivesWay,
    ) -> Option<Box<LocalQueue>> {
        if gives_way == GivesWay::No || route.position(QueueId::HIGH).is_some() {
            return None;
        }
        let visible = &mut self.visible[QueueId::HIGH.index()];
        let (outbox, stealable) = LocalQueue::new_outbox(id, visible.board.clone());
        visible.locals.push(stealable);
        Some(Box::new(outbox))
    }

    /// Makes the queues, each with a name and a number of threads.
    pub(super) fn take_queues<'n>(
        &mut self,
        queues: impl Iterator<Item = (&'n str, usize)>,
    ) -> Box<[Queue]> {
        let visible = self.visible.drain(..).enumerate();
        let queue = |((name, threads), (index, visible)): ((&str, usize), (usize, Visible))| {
            let crews = self.crews.serving(queue_id(index));
            let Visible { board, locals } = visible;
            Queue::new(name, threads, board, locals.into(), crews)
        };
        queues.zip(visible).map(queue).collect()
    }

    pub(super) fn take_standbys(&mut self) -> Vec<WorkerId> {
        std::mem::take(&mut self.standbys)
    }

    /// The home queue of each worker.
    pub(super) fn homes(&self) -> Vec<QueueId> {
        self.workers.iter().map(|parts| parts.route.home).collect()
    }

    pub(super) fn crew_sizes(&self) -> Vec<usize> {
        self.crews.sizes()
    }

    pub(super) fn into_workers(self) -> Vec<WorkerParts> {
        self.workers
    }
}

/// Workers grouped by the queues they serve: see `idle/parking.rs`.
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

pub(super) fn queue_id(index: usize) -> QueueId {
    QueueId(u16::try_from(index).expect("no more than MAX_QUEUES"))
}
