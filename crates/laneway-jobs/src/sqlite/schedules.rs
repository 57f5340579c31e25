//! Schedules: kept, changed, fired.

use rusqlite::Row;

use super::clock::{Micros, micros_of, time_of};
use super::columns::{some_text, text};
use super::probe::Transition;
use super::statement::Statement;
use super::store::SqliteStore;
use super::tx::{Params, SchedulesChanged, Sql, Tx};
use crate::job_id::JobId;
use crate::store::{
    Enqueued, Fire, FireOutcome, Fired, Firing, FiringRun, NewSchedule, ScheduleChange,
    ScheduleChanged, ScheduleState, ScheduleStore, ScheduleView, SchedulesNow, StoreFuture,
    WantedSchedules,
};

/// The number of a schedule's fires that are kept.
const FIRES_KEPT: i64 = 400;

const LIST: &str = "
SELECT * FROM laneway_schedule
WHERE ?1 IS NULL OR name IN (SELECT value FROM json_each(?1)) ORDER BY name";

const FIRES: &str = "
SELECT * FROM laneway_fire WHERE schedule = ?1 ORDER BY at DESC LIMIT ?2";

const RESUME: &str = "
UPDATE laneway_schedule SET paused = 0, resumed_at = CASE paused WHEN 1 THEN ?2 ELSE resumed_at END
WHERE name = ?1";

impl ScheduleStore for SqliteStore {
    fn schedules(&self, wanted: WantedSchedules) -> StoreFuture<'_, SchedulesNow> {
        self.ask(Transition::Read, wanted, |tx, wanted| tx.schedules(wanted))
    }

    fn change_schedules(
        &self,
        changes: Vec<ScheduleChange>,
    ) -> StoreFuture<'_, Vec<ScheduleChanged>> {
        self.ask(Transition::Change, changes, |tx, changes| {
            changes.iter().map(|one| tx.change_schedule(one)).collect()
        })
    }

    fn fire(&self, firings: Vec<Firing>) -> StoreFuture<'_, Vec<Fired>> {
        self.ask(Transition::Fire, firings, |tx, firings| {
            firings.iter().map(|one| tx.fire(one)).collect()
        })
    }
}

impl Tx<'_> {
    fn schedules(&self, wanted: &WantedSchedules) -> Sql<SchedulesNow> {
        let names = wanted.names.as_ref();
        let names = names.map(|names| serde_json::to_string(names).unwrap_or_default());
        let mut prepared = self.connection.prepare_cached(LIST)?;
        let schedules = prepared.query_map([names], schedule)?;
        let mut schedules = schedules.collect::<Sql<Vec<ScheduleView>>>()?;
        for schedule in &mut schedules {
            schedule.fires = self.fires(&schedule.name, wanted.fires)?;
        }
        Ok(SchedulesNow {
            now: time_of(self.t),
            schedules,
        })
    }

    fn fires(&self, name: &str, at_most: usize) -> Sql<Vec<Fire>> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let mut prepared = self.connection.prepare_cached(FIRES)?;
        prepared.query_map((name, at_most), fire)?.collect()
    }

    fn change_schedule(&self, change: &ScheduleChange) -> Sql<ScheduleChanged> {
        let changed = match change {
            ScheduleChange::Keep(schedule) => self.keep_schedule(schedule)?,
            ScheduleChange::Pause(name) => self.change_one_schedule(
                "UPDATE laneway_schedule SET paused = 1 WHERE name = ?1",
                name,
            )?,
            ScheduleChange::Resume(name) => {
                let mut prepared = self.connection.prepare_cached(RESUME)?;
                prepared.execute((name, self.t))?
            }
            ScheduleChange::Remove(name) => {
                self.change_one_schedule("DELETE FROM laneway_fire WHERE schedule = ?1", name)?;
                self.change_one_schedule("DELETE FROM laneway_schedule WHERE name = ?1", name)?
            }
        };
        if changed == 0 {
            return Ok(ScheduleChanged::Missing);
        }
        self.aftermath.borrow_mut().schedules = Some(SchedulesChanged);
        Ok(ScheduleChanged::Done)
    }

    fn change_one_schedule(&self, text: &str, name: &str) -> Sql<usize> {
        self.connection.prepare_cached(text)?.execute([name])
    }

    fn keep_schedule(&self, schedule: &NewSchedule) -> Sql<usize> {
        self.run(
            Statement::KeepSchedule,
            &[
                (":name", &schedule.name),
                (":pattern", &schedule.pattern),
                (":zone", &schedule.zone),
                (":kind", &schedule.kind),
                (":next", &schedule.next.map(micros_of)),
            ],
        )
    }

    fn fire(&self, firing: &Firing) -> Sql<Fired> {
        let params: Params<'_> = &[
            (":name", &firing.name),
            (":pattern", &firing.pattern),
            (":zone", &firing.zone),
            (":at", &micros_of(firing.at)),
            (":next", &firing.next.map(micros_of)),
        ];
        if self.run(Statement::MoveSchedule, params)? == 0 {
            return Ok(Fired::Elsewhere);
        }
        let runs = firing.runs.iter();
        let outcomes = runs.filter_map(|run| self.fire_one(&firing.name, run).transpose());
        let outcomes = outcomes.collect::<Sql<Vec<FireOutcome>>>()?;
        self.run(
            Statement::PruneFires,
            &[(":name", &firing.name), (":kept", &FIRES_KEPT)],
        )?;
        Ok(Fired::Here(outcomes))
    }

    /// `None` where the instant was fired before.
    fn fire_one(&self, name: &str, run: &FiringRun) -> Sql<Option<FireOutcome>> {
        let job = run.job.as_ref().ok().map(|job| job.id.to_bytes());
        let kept = self.run(
            Statement::KeepFire,
            &[
                (":name", &name),
                (":at", &micros_of(run.at)),
                (":job", &job.as_ref().map(|id| &id[..])),
                (":error", &run.job.as_ref().err()),
            ],
        )?;
        match (kept, &run.job) {
            (0, _) => Ok(None),
            (_, Err(error)) => Ok(Some(FireOutcome::Refused(error.clone()))),
            (_, Ok(job)) => match self.insert(std::slice::from_ref(job))?[0] {
                Enqueued::Inserted(id) => Ok(Some(FireOutcome::Enqueued(id))),
                Enqueued::Existing(id, _) => self.note_unfinished(name, run, id).map(Some),
            },
        }
    }

    fn note_unfinished(&self, name: &str, run: &FiringRun, id: JobId) -> Sql<FireOutcome> {
        self.run(
            Statement::NoteUnfinished,
            &[
                (":name", &name),
                (":at", &micros_of(run.at)),
                (":job", &id.to_bytes()),
            ],
        )?;
        Ok(FireOutcome::Unfinished(id))
    }
}

fn schedule(row: &Row<'_>) -> Sql<ScheduleView> {
    let state = match row.get::<_, i64>("paused")? {
        0 => ScheduleState::Active,
        _ => ScheduleState::Paused,
    };
    Ok(ScheduleView {
        name: text(row, "name")?,
        pattern: text(row, "pattern")?,
        zone: text(row, "zone")?,
        kind: text(row, "kind")?,
        state,
        next: row.get::<_, Option<Micros>>("next_at")?.map(time_of),
        resumed_at: row.get::<_, Option<Micros>>("resumed_at")?.map(time_of),
        served_at: time_of(row.get("served_at")?),
        fires: Vec::new(),
    })
}

fn fire(row: &Row<'_>) -> Sql<Fire> {
    let job: Option<[u8; 16]> = row.get("job")?;
    let unfinished: i64 = row.get("unfinished")?;
    let error = some_text(row, "error")?;
    let outcome = match (job.map(JobId::from_bytes), unfinished) {
        (Some(id), 0) => FireOutcome::Enqueued(id),
        (Some(id), _) => FireOutcome::Unfinished(id),
        (None, _) => FireOutcome::Refused(error.unwrap_or_default()),
    };
    Ok(Fire {
        at: time_of(row.get("at")?),
        fired_at: time_of(row.get("fired_at")?),
        outcome,
    })
}
