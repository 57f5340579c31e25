//! The jobs that a worker holds at the moment, and the decisions that follow from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use laneway::AbortHandle;

use crate::fence::Fence;
use crate::job_id::JobId;
use crate::lease::Lease;
use crate::store::{ClaimedJob, Held};

/// A job that the worker holds: from its claim until its settlement, or until its lease is lost.
#[derive(Debug)]
pub(super) struct HeldJob {
    fence: Fence,
    pub(super) kind: Arc<str>,
    /// The place of its queue among the served ones.
    queue: usize,
    pub(super) lease: Arc<Lease>,
    stage: HeldStage,
}

#[derive(Debug)]
enum HeldStage {
    /// It was claimed, and waits for a slot.
    Waiting,
    /// Its task is being spawned.
    Starting,
    /// Its handler runs.
    Running(AbortHandle),
    /// Its handler has ended; the settlement is on its way.
    Settling,
}

impl HeldStage {
    fn is_settling(&self) -> bool {
        matches!(self, HeldStage::Settling)
    }

    fn is_waiting(&self) -> bool {
        matches!(self, HeldStage::Waiting)
    }
}

/// The suspect that a worker looks after: a job that workers were lost with. Nothing else of its
/// kind runs beside it, and no other suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Suspicion {
    #[default]
    None,
    /// A suspect of this kind is due; once its queue has a slot for it, no more of the kind is
    /// claimed until none is held.
    Draining { kind: String, queue: usize },
    /// It is held.
    Held { kind: String, id: JobId },
}

/// Whether the worker takes jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Stopping,
}

#[derive(Debug)]
pub(super) struct Roster {
    held: BTreeMap<JobId, HeldJob>,
    /// For each served queue: jobs that wait for a slot, handlers that run, and jobs that are held.
    load: Vec<Load>,
    /// The present name of each kind.
    present_names: BTreeMap<&'static str, &'static str>,
    pub(super) suspicion: Suspicion,
    pub(super) phase: Phase,
    claimers: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    limit: usize,
    waiting: usize,
    running: usize,
    held: usize,
}

impl Load {
    /// A job is no longer in this stage.
    fn leave(&mut self, stage: &HeldStage) {
        match stage {
            HeldStage::Waiting => self.waiting -= 1,
            HeldStage::Starting | HeldStage::Running(_) => self.running -= 1,
            HeldStage::Settling => {}
        }
    }
}

/// How fast the handlers of a queue are, as its claimer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Ordinary,
    /// A claim takes longer than all the jobs that it brings.
    Quick,
}

/// Which jobs the next claim may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MayClaim {
    Innocents(Vec<&'static str>),
    /// One suspect of this kind.
    Suspect(String),
}

impl Roster {
    pub(super) fn new(
        limits: impl IntoIterator<Item = usize>,
        present_names: BTreeMap<&'static str, &'static str>,
    ) -> Roster {
        let load = |limit| Load {
            limit,
            ..Load::default()
        };
        let load: Vec<Load> = limits.into_iter().map(load).collect();
        Roster {
            claimers: load.len(),
            load,
            present_names,
            held: BTreeMap::new(),
            suspicion: Suspicion::None,
            phase: Phase::Open,
        }
    }

    /// How many jobs a claim for a queue may take now. Where handlers are quick and none runs, that
    /// is twice as many as may run: the later half begins while the first one ends.
    pub(super) fn free(&self, queue: usize, pace: Pace) -> usize {
        let load = self.load[queue];
        let most = match pace {
            Pace::Quick if load.running == 0 => load.limit.saturating_mul(2),
            _ => load.limit,
        };
        let slots = most.saturating_sub(load.running);
        slots.min(most.saturating_mul(2).saturating_sub(load.held))
    }

    /// How many handlers of a queue may begin now.
    pub(super) fn slots(&self, queue: usize) -> usize {
        let load = self.load[queue];
        load.limit.saturating_sub(load.running)
    }

    /// Whether a handler runs.
    pub(super) fn is_busy(&self) -> bool {
        self.load.iter().any(|load| load.running > 0)
    }

    /// Whether a handler runs, or is to run soon.
    pub(super) fn will_be_busy(&self) -> bool {
        self.load.iter().any(|load| load.running + load.waiting > 0)
    }

    /// Whether handlers of a queue run in more than half of its slots.
    pub(super) fn is_crowded(&self, queue: usize) -> bool {
        let load = self.load[queue];
        load.running > load.limit / 2
    }

    pub(super) fn may_claim(
        &self,
        queue: usize,
        kinds: impl Iterator<Item = &'static str>,
    ) -> MayClaim {
        let barred = match &self.suspicion {
            Suspicion::None => None,
            Suspicion::Draining { queue: of, .. } if self.slots(*of) == 0 => None,
            Suspicion::Draining { kind, queue: of } if *of == queue && !self.holds(kind) => {
                return MayClaim::Suspect(kind.clone());
            }
            Suspicion::Draining { kind, .. } | Suspicion::Held { kind, .. } => Some(kind),
        };
        MayClaim::Innocents(
            kinds
                .filter(|kind| barred.is_none_or(|barred| !self.are_one(barred, kind)))
                .collect(),
        )
    }

    fn holds(&self, kind: &str) -> bool {
        self.held.values().any(|job| self.are_one(&job.kind, kind))
    }

    /// Whether two names are those of one kind.
    fn are_one(&self, one: &str, other: &str) -> bool {
        let present = |name| self.present_names.get(name).copied();
        one == other || present(one).is_some_and(|name| present(other) == Some(name))
    }

    /// A suspect is due in a queue.
    pub(super) fn suspect_due(&mut self, kind: String, queue: usize) {
        if self.suspicion == Suspicion::None {
            self.suspicion = Suspicion::Draining { kind, queue };
        }
    }

    /// The claim for the suspect is back.
    pub(super) fn suspect_claimed(&mut self, kind: String, id: Option<JobId>) {
        self.suspicion = id.map_or(Suspicion::None, |id| Suspicion::Held { kind, id });
    }

    /// Holds a job that was claimed.
    pub(super) fn hold(&mut self, job: &ClaimedJob, queue: usize, lease: Arc<Lease>) {
        let load = &mut self.load[queue];
        load.waiting += 1;
        load.held += 1;
        let held = HeldJob {
            fence: job.fence,
            kind: job.kind.as_str().into(),
            queue,
            lease,
            stage: HeldStage::Waiting,
        };
        self.held.insert(job.id, held);
    }

    /// Gives the lease of a job that waits, whose task is about to be spawned; `None` where it may
    /// not be, since the worker stops.
    pub(super) fn begin(&mut self, held: Held) -> Option<Arc<Lease>> {
        if self.phase == Phase::Stopping {
            return None;
        }
        let job = self.get(held).filter(|job| job.stage.is_waiting())?;
        job.stage = HeldStage::Starting;
        let (queue, lease) = (job.queue, job.lease.clone());
        self.load[queue].waiting -= 1;
        self.load[queue].running += 1;
        Some(lease)
    }

    /// The handler's task is spawned. Gives its end back to be ordered, where the handler was
    /// stopped meanwhile, or has ended.
    pub(super) fn started(&mut self, held: Held, abort: AbortHandle) -> Option<AbortHandle> {
        match self.get(held) {
            Some(job) if matches!(job.stage, HeldStage::Starting) => {
                job.stage = HeldStage::Running(abort);
                None
            }
            _ => Some(abort),
        }
    }

    /// The handler has ended, or never begins: its slot is free.
    pub(super) fn handled(&mut self, held: Held) -> Option<usize> {
        let job = self.get(held).filter(|job| !job.stage.is_settling())?;
        let stage = std::mem::replace(&mut job.stage, HeldStage::Settling);
        let queue = job.queue;
        self.load[queue].leave(&stage);
        Some(queue)
    }

    /// Takes the say from all handlers that run, and gives what stops them. A handler that is just
    /// about to be spawned has nothing yet that would: its spawner stops it.
    pub(super) fn stop_running(&mut self) -> Vec<(Held, Arc<str>, Option<AbortHandle>)> {
        let mut stopped = Vec::new();
        for (&id, job) in &mut self.held {
            let stage = std::mem::replace(&mut job.stage, HeldStage::Settling);
            let abort = match stage {
                HeldStage::Running(abort) => Some(abort),
                HeldStage::Starting => None,
                HeldStage::Waiting | HeldStage::Settling => {
                    job.stage = stage;
                    continue;
                }
            };
            self.load[job.queue].running -= 1;
            let fence = job.fence;
            stopped.push((Held { id, fence }, job.kind.clone(), abort));
        }
        stopped
    }

    /// The job is settled, or lost; answers its queue.
    pub(super) fn release(&mut self, held: Held) -> Option<usize> {
        self.get(held)?;
        let job = self.held.remove(&held.id)?;
        let load = &mut self.load[job.queue];
        load.held -= 1;
        load.leave(&job.stage);
        if matches!(&self.suspicion, Suspicion::Held { id, .. } if *id == held.id) {
            self.suspicion = Suspicion::None;
        }
        Some(job.queue)
    }

    fn get(&mut self, held: Held) -> Option<&mut HeldJob> {
        self.held
            .get_mut(&held.id)
            .filter(|job| job.fence == held.fence)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Held, &HeldJob)> {
        self.held.iter().map(|(&id, job)| {
            let fence = job.fence;
            (Held { id, fence }, job)
        })
    }

    pub(super) fn lease(&self, held: Held) -> Option<&Arc<Lease>> {
        let job = self.held.get(&held.id)?;
        (job.fence == held.fence).then_some(&job.lease)
    }

    pub(super) fn claimer_ended(&mut self) {
        self.claimers -= 1;
    }

    /// Whether nothing is held and nothing comes any more.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Stopping && self.claimers == 0 && self.held.is_empty()
    }

    /// The kinds that are held, for people.
    pub(super) fn kinds(&self) -> BTreeSet<Arc<str>> {
        self.held.values().map(|job| job.kind.clone()).collect()
    }
}
