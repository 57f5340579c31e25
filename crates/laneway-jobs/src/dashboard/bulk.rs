//! Changes to all jobs that match a filter: a preview with their count, then the change, some at a
//! time.

use super::asked::{Answered, Asked};
use super::counted::Counted;
use super::filter::{JobFilter, before};
use super::form::Form;
use super::html::Html;
use super::job_list::{no_filter, table};
use super::place::{Fields, Place, button, clip};
use super::response::PageResponse;
use super::route::job_action;
use crate::job_id::JobId;
use crate::resend::resend;
use crate::store::{ByHand, JobAction, JobPage, JobSearch, JobView, StoreError};

/// The number of jobs that share a transaction.
const BATCH: usize = 500;
/// The number of transactions that one request makes; the page after it goes on.
const ROUNDS: usize = 20;
/// The number of jobs that are shown in the preview.
const SHOWN: usize = 5;

/// The change that is to be made, and the jobs that it is for.
struct Wanted {
    action: JobAction,
    filter: JobFilter,
    search: JobSearch,
}

impl Wanted {
    fn read(asked: &Asked<'_>, form: &Form) -> Result<Wanted, PageResponse> {
        let action = form.get("action").and_then(job_action);
        let filter = JobFilter::read(form);
        let search = filter.search().and_then(|search| {
            Ok(JobSearch {
                before: before(form)?,
                limit: BATCH,
                ..search
            })
        });
        let search = search.map_err(|wrong| no_filter(asked, wrong))?;
        let nothing = "Choose Retry, Cancel or Delete below a list of jobs.";
        match action {
            None => Err(asked.refusal(400, "This change does not exist", nothing)),
            Some(action) => Ok(Wanted {
                action,
                filter,
                search,
            }),
        }
    }
}

/// Shows what would be changed.
pub(super) async fn preview(asked: &Asked<'_>) -> Answered {
    let wanted = match Wanted::read(asked, &asked.request.query) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(refusal),
    };
    let mut search = wanted.search.clone();
    let (mut fitting, mut first) = (0, Vec::new());
    let mut rounds = 0..ROUNDS;
    let is_whole = loop {
        let page = asked.search(search.clone()).await?;
        let fit: Vec<JobView> = page
            .jobs
            .into_iter()
            .filter(|job| wanted.action.applies_to(job.state))
            .collect();
        fitting += fit.len() as u64;
        first.extend(fit.into_iter().take(SHOWN - first.len()));
        search.before = page.next;
        if search.before.is_none() || rounds.next().is_none() {
            break search.before.is_none();
        }
    };
    let count = match is_whole {
        true => Counted::Exactly(fitting),
        false => Counted::AtLeast(fitting),
    };
    Ok(asked.still(200, "Change all that match", |html| {
        previewed(html, &asked.place, &wanted, (count, &first));
    }))
}

fn previewed(html: &mut Html, place: &Place, wanted: &Wanted, seen: (Counted, &[JobView])) {
    let (count, first) = seen;
    let question = match wanted.action {
        JobAction::Retry => "run again",
        JobAction::RunNow => "wait for no time any more",
        JobAction::Cancel => "be cancelled, or be asked to stop",
        JobAction::Delete => "be deleted for good",
    };
    html.text_el("h1", &[], format_args!("{} would {question}", jobs(count)));
    criteria(html, &wanted.filter);
    let back = place.address("/jobs", &wanted.filter.fields());
    if count == Counted::Exactly(0) {
        html.text_el(
            "p",
            &[],
            "None of those that match is in a state that allows it.",
        );
        return place.link(html, &back, "Back to the list");
    }
    html.text_el(
        "p",
        &[("class", "dim")],
        "Jobs that are newer than these are left alone.",
    );
    html.el("div", &[("class", "actions")], |html| {
        go_on(html, place, wanted, Part::First(first));
        html.text_el("a", &[("class", "button quiet"), ("href", &back)], "Back");
    });
    table(html, place, first);
}

fn jobs(count: Counted) -> String {
    match count {
        Counted::Exactly(1) => "1 job".to_owned(),
        _ => format!("{count} jobs"),
    }
}

fn criteria(html: &mut Html, filter: &JobFilter) {
    if filter.is_empty() {
        return html.text_el(
            "p",
            &[("class", "said")],
            "There is no filter: these are all jobs.",
        );
    }
    html.el("ul", &[("class", "criteria")], |html| {
        for (name, value) in filter.given() {
            html.el("li", &[], |html| {
                html.text(format_args!("{}: ", name.replace('_', " ")));
                html.text_el("code", &[], clip(value, 200));
            });
        }
    });
}

/// Which part of a change a form makes.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// The first one, of the jobs that the preview found; these are the newest of them.
    First(&'a [JobView]),
    /// The one before this job, with the number that have been changed.
    Next(JobId, u64),
}

impl Part<'_> {
    /// Where the search begins: jobs that came after the preview are left alone.
    fn before(self) -> Option<JobId> {
        match self {
            Part::First(newest) => newest.first().map(|job| after(job.id)),
            Part::Next(before, _) => Some(before),
        }
    }

    fn changed(self) -> u64 {
        match self {
            Part::First(_) => 0,
            Part::Next(_, changed) => changed,
        }
    }
}

/// The least id above this one.
fn after(id: JobId) -> JobId {
    let number = u128::from_be_bytes(id.to_bytes());
    JobId::from_bytes(number.saturating_add(1).to_be_bytes())
}

/// The form that makes the change, or its next part.
fn go_on(html: &mut Html, place: &Place, wanted: &Wanted, part: Part<'_>) {
    let before = part.before().map(|id| id.to_string()).unwrap_or_default();
    let changed = part.changed().to_string();
    let more: &Fields<'_> = &[
        ("action", wanted.action.name()),
        ("before", &before),
        ("changed", &changed),
    ];
    let text = match (wanted.action, part) {
        (_, Part::Next(..)) => "Go on",
        (JobAction::Retry, _) => "Run them again",
        (JobAction::RunNow, _) => "Run them now",
        (JobAction::Cancel, _) => "Cancel them",
        (JobAction::Delete, _) => "Delete them for good",
    };
    let class = match wanted.action {
        JobAction::Delete => "danger",
        JobAction::Retry | JobAction::RunNow | JobAction::Cancel => "",
    };
    place.change_form(html, "/bulk", &wanted.filter.with(more), |html| {
        button(html, class, text);
    });
}

/// Makes the change to as many jobs as one request may, from the newest on.
pub(super) async fn change(asked: &Asked<'_>, form: &Form) -> Answered {
    let wanted = match Wanted::read(asked, form) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(refusal),
    };
    let before = form.get("changed").and_then(|count| count.parse().ok());
    let mut changed: u64 = before.unwrap_or(0);
    let mut search = wanted.search.clone();
    for _ in 0..ROUNDS {
        let page = asked.search(search.clone()).await?;
        changed = changed.saturating_add(made(asked, wanted.action, &page).await?);
        search.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    Ok(told(asked, &wanted, (search.before, changed)))
}

/// The page after a change, or after a part of it.
fn told(asked: &Asked<'_>, wanted: &Wanted, (next, changed): (Option<JobId>, u64)) -> PageResponse {
    asked.still(200, "Changed", |html| {
        let all = match next {
            Some(_) => " so far",
            None => "",
        };
        let count = Counted::Exactly(changed);
        html.text_el("h1", &[], format_args!("Changed{all}: {}", jobs(count)));
        criteria(html, &wanted.filter);
        html.el("div", &[("class", "actions")], |html| {
            if let Some(next) = next {
                go_on(html, &asked.place, wanted, Part::Next(next, changed));
            }
            let back = asked.place.address("/jobs", &wanted.filter.fields());
            html.text_el(
                "a",
                &[("class", "button quiet"), ("href", &back)],
                "Back to the list",
            );
        });
    })
}

/// Changes the jobs of a page in one transaction; answers how many were changed.
async fn made(asked: &Asked<'_>, action: JobAction, page: &JobPage) -> Result<u64, StoreError> {
    let changes: Vec<ByHand> = page.jobs.iter().map(|job| action.of(job.id)).collect();
    if changes.is_empty() {
        return Ok(0);
    }
    let answers = resend(|| asked.store.change(changes.clone())).await?;
    let changed = answers.into_iter().filter(|answer| answer.is_made());
    Ok(changed.count() as u64)
}
