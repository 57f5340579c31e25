//! Schedules: kept, changed, fired.

use tokio_postgres::Row;

use super::columns::{Uuid, limit_number};
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::{SchedulesChanged, Tx};
use crate::job_id::JobId;
use crate::micros::{micros_of, time_of};
use crate::name::kept_text;
use crate::store::{
    Enqueued, Fire, FireOutcome, Fired, Firing, FiringRun, NewJob, NewSchedule, ScheduleChange,
    ScheduleChanged, ScheduleState, ScheduleView, SchedulesNow, WantedSchedules,
};

/// The number of a schedule's fires that are kept.
const FIRES_KEPT: i64 = 400;

impl Tx<'_> {
    pub(super) async fn schedules(&mut self, wanted: &WantedSchedules) -> Sql<SchedulesNow> {
        let names = wanted.names.as_ref();
        let names: Option<Vec<String>> =
            names.map(|names| names.iter().map(|name| kept_text(name)).collect());
        let params: Params<'_> = &[&names, &limit_number(wanted.fires)];
        let rows = self.rows(Statement::Schedules, params).await?;
        Ok(SchedulesNow {
            now: time_of(rows[0].get("t")),
            schedules: views(&rows),
        })
    }

    /// Goes by the names, so that two such transactions do not wait for each other in a circle.
    pub(super) async fn change_schedules(
        &mut self,
        changes: &[ScheduleChange],
    ) -> Sql<Vec<ScheduleChanged>> {
        let mut answers = vec![ScheduleChanged::Missing; changes.len()];
        for number in by_name(changes, name_of) {
            answers[number] = self.change_schedule(&changes[number]).await?;
        }
        Ok(answers)
    }

    async fn change_schedule(&mut self, change: &ScheduleChange) -> Sql<ScheduleChanged> {
        let name = kept_text(name_of(change));
        let changed = match change {
            ScheduleChange::Keep(schedule) => self.keep_schedule(schedule).await?,
            ScheduleChange::Pause(_) => self.rows(Statement::PauseSchedule, &[&name]).await?,
            ScheduleChange::Resume(_) => self.rows(Statement::ResumeSchedule, &[&name]).await?,
            ScheduleChange::Remove(_) => self.remove_schedule(&name).await?,
        };
        if changed.is_empty() {
            return Ok(ScheduleChanged::Missing);
        }
        self.aftermath.schedules = Some(SchedulesChanged);
        Ok(ScheduleChanged::Done)
    }

    async fn keep_schedule(&mut self, schedule: &NewSchedule) -> Sql<Vec<Row>> {
        let params: Params<'_> = &[
            &schedule.name,
            &schedule.pattern,
            &schedule.zone,
            &schedule.kind,
            &schedule.next.map(micros_of),
        ];
        self.rows(Statement::KeepSchedule, params).await
    }

    /// A firing that is under way has the schedule's row: its fires are there when the row is
    /// ours.
    async fn remove_schedule(&mut self, name: &String) -> Sql<Vec<Row>> {
        let removed = self.rows(Statement::RemoveSchedule, &[name]).await?;
        self.rows(Statement::RemoveFires, &[name]).await?;
        Ok(removed)
    }

    /// Goes by the names, as [`change_schedules`](Self::change_schedules) does.
    pub(super) async fn fire(&mut self, firings: &[Firing]) -> Sql<Vec<Fired>> {
        let mut answers = vec![Fired::Elsewhere; firings.len()];
        for number in by_name(firings, |firing| &firing.name) {
            answers[number] = self.fire_one(&firings[number]).await?;
        }
        Ok(answers)
    }

    async fn fire_one(&mut self, firing: &Firing) -> Sql<Fired> {
        if !self.move_schedule(firing).await? {
            return Ok(Fired::Elsewhere);
        }
        let mut outcomes = Vec::with_capacity(firing.runs.len());
        for run in &firing.runs {
            outcomes.extend(self.fire_run(&firing.name, run).await?);
        }
        let params: Params<'_> = &[&firing.name, &FIRES_KEPT];
        self.rows(Statement::PruneFires, params).await?;
        Ok(Fired::Here(outcomes))
    }

    async fn move_schedule(&mut self, firing: &Firing) -> Sql<bool> {
        let params: Params<'_> = &[
            &firing.name,
            &firing.pattern,
            &firing.zone,
            &micros_of(firing.at),
            &firing.next.map(micros_of),
        ];
        let moved = self.row(Statement::MoveSchedule, params).await?;
        Ok(moved.is_some())
    }

    /// `None` where the instant was fired before.
    async fn fire_run(&mut self, name: &str, run: &FiringRun) -> Sql<Option<FireOutcome>> {
        let job = run.job.as_ref().ok().map(|job| Uuid::from(job.id));
        let error = run.job.as_ref().err().map(|error| kept_text(error));
        let params: Params<'_> = &[&name, &micros_of(run.at), &job, &error];
        if self.row(Statement::KeepFire, params).await?.is_none() {
            return Ok(None);
        }
        match &run.job {
            Err(error) => Ok(Some(FireOutcome::Refused(error.clone()))),
            Ok(job) => self.enqueue_run(name, run, job).await.map(Some),
        }
    }

    async fn enqueue_run(&mut self, name: &str, run: &FiringRun, job: &NewJob) -> Sql<FireOutcome> {
        match self.insert(std::slice::from_ref(job)).await?[0] {
            Enqueued::Inserted(id) => Ok(FireOutcome::Enqueued(id)),
            Enqueued::Existing(id, _) => {
                let params: Params<'_> = &[&name, &micros_of(run.at), &Uuid::from(id)];
                self.rows(Statement::NoteUnfinished, params).await?;
                Ok(FireOutcome::Unfinished(id))
            }
        }
    }
}

fn name_of(change: &ScheduleChange) -> &String {
    match change {
        ScheduleChange::Keep(schedule) => &schedule.name,
        ScheduleChange::Pause(name)
        | ScheduleChange::Resume(name)
        | ScheduleChange::Remove(name) => name,
    }
}

/// The places of items, sorted by names; those of one name keep their order.
fn by_name<T>(items: &[T], name: impl Fn(&T) -> &String) -> Vec<usize> {
    let mut places: Vec<usize> = (0..items.len()).collect();
    places.sort_by_key(|&place| name(&items[place]));
    places
}

/// The rows of a schedule follow each other.
fn views(rows: &[Row]) -> Vec<ScheduleView> {
    let mut views: Vec<ScheduleView> = Vec::new();
    for row in rows {
        let Some(name) = row.get::<_, Option<String>>("name") else {
            continue;
        };
        if views.last().is_none_or(|last| last.name != name) {
            views.push(view(row, name));
        }
        let fires = views.last_mut().map(|last| &mut last.fires);
        fires.into_iter().for_each(|fires| fires.extend(fire(row)));
    }
    views
}

fn view(row: &Row, name: String) -> ScheduleView {
    ScheduleView {
        name,
        pattern: row.get("pattern"),
        zone: row.get("zone"),
        kind: row.get("kind"),
        state: match row.get("paused") {
            true => ScheduleState::Paused,
            false => ScheduleState::Active,
        },
        next: row.get::<_, Option<i64>>("next_at").map(time_of),
        resumed_at: row.get::<_, Option<i64>>("resumed_at").map(time_of),
        served_at: time_of(row.get("served_at")),
        fires: Vec::new(),
    }
}

/// `None` where the row has no fire.
fn fire(row: &Row) -> Option<Fire> {
    let at = row.get::<_, Option<i64>>("at")?;
    let job: Option<Uuid> = row.get("job");
    let error: Option<String> = row.get("error");
    let outcome = match (job.map(JobId::from), row.get("unfinished")) {
        (Some(id), false) => FireOutcome::Enqueued(id),
        (Some(id), true) => FireOutcome::Unfinished(id),
        (None, _) => FireOutcome::Refused(error.unwrap_or_default()),
    };
    Some(Fire {
        at: time_of(at),
        fired_at: time_of(row.get("fired_at")),
        outcome,
    })
}
