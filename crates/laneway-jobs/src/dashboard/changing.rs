//! Changes that forms ask for: to one job, to a queue, to a schedule.

use super::asked::{Answered, Asked};
use super::bulk;
use super::form::Form;
use super::response::PageResponse;
use super::route::{Change, Switch};
use crate::job_id::JobId;
use crate::resend::resend;
use crate::store::{
    ByHand, Changed, JobAction, LIST_LIMIT, ScheduleChange, ScheduleChanged, StoreError,
};

pub(super) async fn change(asked: &Asked<'_>, change: Change, form: &Form) -> Answered {
    match change {
        Change::Job(id, action) => job(asked, id, action).await,
        Change::Queue(switch) => queue(asked, switch, form).await,
        Change::Schedule(switch) => schedule(asked, switch, form).await,
        Change::Bulk => bulk::change(asked, form).await,
        // It comes before all that is read from the store.
        Change::Login => Ok(see(asked, "/", "")),
    }
}

fn see(asked: &Asked<'_>, path: &str, said: &str) -> PageResponse {
    PageResponse::see(&asked.place.address(path, &[("said", said)]))
}

async fn job(asked: &Asked<'_>, id: JobId, action: JobAction) -> Answered {
    let changes = vec![action.of(id)];
    let changed = resend(|| asked.store.change(changes.clone())).await?;
    let page = format!("/jobs/{id}");
    Ok(match (changed.first(), action) {
        (Some(Changed::Done), JobAction::Delete) => see(asked, "/jobs", "deleted"),
        (Some(Changed::Done), JobAction::Retry) => see(asked, &page, "retried"),
        (Some(Changed::Done), JobAction::RunNow) => see(asked, &page, "hastened"),
        (Some(Changed::Done), JobAction::Cancel) => see(asked, &page, "cancelled"),
        (Some(Changed::Asked), _) => see(asked, &page, "asked"),
        (Some(Changed::Not(_)), _) => see(asked, &page, "refused"),
        (Some(Changed::KeyTaken), _) => see(asked, &page, "taken"),
        (Some(Changed::Missing) | None, _) => see(asked, "/jobs", "missing"),
    })
}

fn said(switch: Switch) -> &'static str {
    match switch {
        Switch::Pause => "paused",
        Switch::Resume => "resumed",
    }
}

/// A queue that is not there is not made by a form.
async fn queue(asked: &Asked<'_>, switch: Switch, form: &Form) -> Answered {
    let name = form.get("queue").unwrap_or_default().to_owned();
    let queues = asked.store.queues().await?.queues;
    // A list that is full tells of the first ones alone.
    let is_whole = queues.len() < LIST_LIMIT;
    if is_whole && !queues.iter().any(|queue| queue.name == name) {
        return Ok(see(asked, "/", "missing"));
    }
    let change = match switch {
        Switch::Pause => ByHand::Pause(name),
        Switch::Resume => ByHand::Resume(name),
    };
    resend(|| asked.store.change(vec![change.clone()])).await?;
    Ok(see(asked, "/", said(switch)))
}

async fn schedule(asked: &Asked<'_>, switch: Switch, form: &Form) -> Answered {
    let name = form.get("schedule").unwrap_or_default().to_owned();
    let change = match switch {
        Switch::Pause => ScheduleChange::Pause(name),
        Switch::Resume => ScheduleChange::Resume(name),
    };
    let answers: Result<_, StoreError> =
        resend(|| asked.store.change_schedules(vec![change.clone()])).await;
    let said = match answers?.first() {
        Some(ScheduleChanged::Done) => said(switch),
        Some(ScheduleChanged::Missing) | None => "missing",
    };
    Ok(see(asked, "/schedules", said))
}
