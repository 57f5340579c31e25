//! The task that fires schedules: any worker's, none leads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_lite::future::or;
use laneway::time::sleep;

use super::core::Core;
use super::due_instants::{AT_ONCE, DueInstants};
use super::settings::OtherSchedules;
use crate::pause::Pause;
use crate::schedule::Schedule;
use crate::store::{
    Elsewhere, FireOutcome, Fired, Firing, FiringRun, Listener, NewSchedule, ScheduleChange,
    ScheduleState, ScheduleView, SchedulesNow, StoreError, WantedSchedules,
};

/// So often a store is asked for schedules that another process has changed, where it tells of
/// none.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Scheduler {
    core: Arc<Core>,
    schedules: Vec<Schedule>,
    others: OtherSchedules,
    listener: Listener,
}

/// The next action of a scheduler after a round.
enum Then {
    /// It looks again at once.
    GoOn,
    /// It waits for a change, at most this long.
    Wait(Option<Duration>),
}

impl Scheduler {
    pub(super) fn new(
        core: Arc<Core>,
        schedules: Vec<Schedule>,
        others: OtherSchedules,
    ) -> Scheduler {
        let listener = core.store().hints().listen_to_schedules();
        Scheduler {
            core,
            schedules,
            others,
            listener,
        }
    }

    pub(super) async fn run(self) {
        let mut pause = Pause::default();
        while let Err(error) = self.keep().await {
            log::warn!("the schedules could not be kept: {error}");
            or(self.core.stop.wait(), sleep(pause.next())).await;
            if self.core.stop.is_set() {
                return;
            }
        }
        while !self.core.stop.is_set() {
            match self.round(&mut pause).await {
                Ok(Then::GoOn) => pause = Pause::default(),
                Ok(Then::Wait(next)) => self.wait(next).await,
                Err(error) => {
                    log::warn!("schedules could not be fired: {error}");
                    self.wait(Some(pause.next())).await;
                }
            }
        }
    }

    async fn wait(&self, next: Option<Duration>) {
        let next = next.into_iter().chain(self.untold()).min();
        let due = async {
            match next {
                Some(next) => sleep(next).await,
                None => std::future::pending().await,
            }
        };
        or(self.core.stop.wait(), or(self.listener.hinted(), due)).await;
    }

    /// The longest wait, where a store does not tell of the changes of other processes.
    fn untold(&self) -> Option<Duration> {
        let store = self.core.store();
        match store.changed_elsewhere() {
            Elsewhere::Untold => Some(LOOK_EVERY),
            // Only one look is told: it has to tell the process's other tasks.
            Elsewhere::Changed => {
                store.hints().ready_everywhere();
                None
            }
            Elsewhere::Never | Elsewhere::Unchanged => None,
        }
    }

    /// Makes the schedules of the code those of the store.
    async fn keep(&self) -> Result<(), StoreError> {
        let now = self
            .core
            .store()
            .schedules(WantedSchedules::default())
            .await?;
        let kept = self.schedules.iter().map(|schedule| {
            let view = now.schedules.iter().find(|view| view.name == schedule.name);
            ScheduleChange::Keep(new_schedule(schedule, view, now.now))
        });
        let removed = self.others(&now);
        let changes: Vec<ScheduleChange> = kept.chain(removed).collect();
        match self.core.store().change_schedules(changes.clone()).await {
            Err(StoreError::Database(_)) => self.keep_each(changes).await,
            kept => kept.map(drop),
        }
    }

    /// One schedule's fault must not be the others': each on its own. One that is refused is told
    /// of, and not served.
    async fn keep_each(&self, changes: Vec<ScheduleChange>) -> Result<(), StoreError> {
        for change in changes {
            let changed = self.core.store().change_schedules(vec![change.clone()]);
            match changed.await {
                Err(StoreError::Database(why)) => log::error!("{change:?} was refused: {why}"),
                changed => drop(changed?),
            }
        }
        Ok(())
    }

    /// Tells of the schedules that are not in the code, and removes them if that was asked for.
    fn others(&self, now: &SchedulesNow) -> Vec<ScheduleChange> {
        let ours: BTreeSet<&str> = self.schedules.iter().map(Schedule::name).collect();
        let others = now
            .schedules
            .iter()
            .filter(|view| !ours.contains(&*view.name));
        let remove = |view: &ScheduleView| match self.others {
            OtherSchedules::Stay => {
                log::info!(
                    "the schedule {:?} is in the store and not in this worker; if no other worker \
                     has it, remove it by `Jobs::remove_schedule`",
                    view.name
                );
                None
            }
            OtherSchedules::Removed => {
                log::warn!("the schedule {:?} is removed", view.name);
                Some(ScheduleChange::Remove(view.name.clone()))
            }
        };
        others.filter_map(remove).collect()
    }

    async fn round(&self, pause: &mut Pause) -> Result<Then, StoreError> {
        let names = self.schedules.iter().map(|schedule| schedule.name.clone());
        let wanted = WantedSchedules {
            names: Some(names.collect()),
            fires: 0,
        };
        let now = self.core.store().schedules(wanted).await?;
        let firings = self.firings(&now);
        if firings.is_empty() {
            return Ok(Then::Wait(self.until_next(&now)));
        }
        let fired = self.fire(&firings).await?;
        if fired.contains(&None) {
            // Refused ones are due again, and the others' instants do not wait for them.
            let next = self.until_other(&now, &firings);
            return Ok(Then::Wait(next.into_iter().chain([pause.next()]).min()));
        }
        let lost_all = fired.iter().all(|one| *one == Some(Fired::Elsewhere));
        Ok(match lost_all {
            // Another worker was faster, and has moved them on: unless the clocks of two stores on
            // one database differ, the next look finds nothing due.
            true => Then::Wait(Some(pause.next())),
            false => Then::GoOn,
        })
    }

    /// How long it is until an instant that is not due yet.
    fn until_other(&self, now: &SchedulesNow, firings: &[Firing]) -> Option<Duration> {
        let after = firings.iter().filter_map(|firing| firing.next);
        let served = self.served(now).map(|(_, _, at)| at);
        let next = after.chain(served).filter(|at| *at > now.now).min()?;
        next.duration_since(now.now).ok()
    }

    /// The answers; `None` where a firing was refused, which is then due again.
    async fn fire(&self, firings: &[Firing]) -> Result<Vec<Option<Fired>>, StoreError> {
        let mut fired = Vec::with_capacity(firings.len());
        for part in parts(firings) {
            fired.extend(self.fire_at_once(part).await?);
        }
        Ok(fired)
    }

    async fn fire_at_once(&self, firings: &[Firing]) -> Result<Vec<Option<Fired>>, StoreError> {
        match self.core.store().fire(firings.to_vec()).await {
            // One schedule's fault must not be the others': each on its own.
            Err(StoreError::Database(_)) => self.fire_each(firings).await,
            fired => {
                let fired = fired?;
                firings.iter().zip(&fired).for_each(log_refused);
                Ok(fired.into_iter().map(Some).collect())
            }
        }
    }

    async fn fire_each(&self, firings: &[Firing]) -> Result<Vec<Option<Fired>>, StoreError> {
        let mut all = Vec::with_capacity(firings.len());
        for firing in firings {
            let fired = self.core.store().fire(vec![firing.clone()]).await;
            all.push(match fired {
                Err(StoreError::Database(why)) => {
                    log::warn!("the schedule {:?} could not be fired: {why}", firing.name);
                    None
                }
                fired => fired?.pop().inspect(|fired| log_refused((firing, fired))),
            });
        }
        Ok(all)
    }

    fn firings(&self, now: &SchedulesNow) -> Vec<Firing> {
        let served = self.served(now);
        let due = served.filter_map(|(schedule, view, at)| {
            let is_due = at <= now.now;
            is_due.then(|| self.firing(schedule, view, at, now.now))
        });
        due.collect()
    }

    fn until_next(&self, now: &SchedulesNow) -> Option<Duration> {
        let next = self.served(now).map(|(_, _, at)| at).min()?;
        Some(next.duration_since(now.now).unwrap_or_default())
    }

    /// The active schedules that have the pattern of this worker's code, with their next instants.
    /// One that has another pattern is that of a newer deploy.
    fn served<'s>(
        &'s self,
        now: &'s SchedulesNow,
    ) -> impl Iterator<Item = (&'s Schedule, &'s ScheduleView, SystemTime)> {
        let active = now
            .schedules
            .iter()
            .filter(|view| view.state == ScheduleState::Active);
        active.filter_map(|view| {
            let schedule = self.schedules.iter().find(|one| one.name == view.name)?;
            let next = view.next.filter(|_| has_pattern(schedule, view));
            next.map(|at| (schedule, view, at))
        })
    }

    fn firing(
        &self,
        schedule: &Schedule,
        view: &ScheduleView,
        at: SystemTime,
        now: SystemTime,
    ) -> Firing {
        let due = DueInstants::of(schedule, view, at, now);
        let runs = due.fired.into_iter().map(|at| FiringRun {
            at,
            job: schedule.job_of(&self.core.jobs, at),
        });
        Firing {
            name: view.name.clone(),
            pattern: view.pattern.clone(),
            zone: view.zone.clone(),
            at,
            runs: runs.collect(),
            next: due.next,
        }
    }
}

fn has_pattern(schedule: &Schedule, view: &ScheduleView) -> bool {
    let instants = &schedule.instants;
    (&instants.pattern, &instants.zone) == (&view.pattern, &view.zone)
}

/// A schedule with a new pattern goes on from the instant that was due under the old one: those
/// since count as missed. Where none was due, it begins now.
fn new_schedule(schedule: &Schedule, view: Option<&ScheduleView>, now: SystemTime) -> NewSchedule {
    let due = view.and_then(|view| view.next);
    let from = due.map_or(now, |at| now.min(at - Duration::from_micros(1)));
    NewSchedule {
        name: schedule.name.clone(),
        pattern: schedule.instants.pattern.clone(),
        zone: schedule.instants.zone.clone(),
        kind: schedule.kind.to_owned(),
        next: schedule.next_after(from),
    }
}

/// Firings that share a transaction: with [`AT_ONCE`] jobs at most, as one of them has.
fn parts(mut firings: &[Firing]) -> impl Iterator<Item = &[Firing]> {
    std::iter::from_fn(move || {
        let mut jobs = 0;
        let fits = |firing: &&Firing| {
            jobs += firing.runs.len();
            jobs <= AT_ONCE
        };
        let (part, rest) = firings.split_at(firings.iter().take_while(fits).count());
        firings = rest;
        Some(part).filter(|part| !part.is_empty())
    })
}

fn log_refused((firing, fired): (&Firing, &Fired)) {
    let Fired::Here(outcomes) = fired else { return };
    for outcome in outcomes {
        if let FireOutcome::Refused(error) = outcome {
            log::error!("the schedule {:?} made no job: {error}", firing.name);
        }
    }
}
