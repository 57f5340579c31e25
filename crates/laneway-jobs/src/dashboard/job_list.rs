//! The list of jobs, with its filter, page by page.

use laneway::Priority;

use super::asked::{Answered, Asked};
use super::filter::{AGES, JobFilter, NoFilter, before, lane_name};
use super::frame::empty;
use super::html::Html;
use super::moment::{past, time};
use super::place::{Mode, Place, clip, hidden};
use super::response::PageResponse;
use crate::job_state::JobState;
use crate::store::{JobAction, JobPage, JobSearch, JobView, QueueView, SEARCH_LIMIT};

pub(super) async fn job_list(asked: &Asked<'_>, queues: Vec<QueueView>) -> Answered {
    let filter = JobFilter::read(&asked.request.query);
    let search = filter.search().and_then(|search| {
        let before = before(&asked.request.query)?;
        Ok(JobSearch { before, ..search })
    });
    let search = match search {
        Ok(search) => search,
        Err(wrong) => return Ok(no_filter(asked, wrong)),
    };
    let is_first = search.before.is_none();
    let page = asked.search(search).await?;
    Ok(asked.still(200, "Jobs", |html| {
        html.text_el("h1", &[], "Jobs");
        filter_form(html, asked, &filter, &queues);
        if page.jobs.is_empty() {
            nothing(html, &filter, &page);
        } else {
            table(html, &asked.place, &page.jobs);
        }
        pager(html, asked, &filter, (&page, is_first));
        if !page.jobs.is_empty() {
            bulk_form(html, &asked.place, &filter);
        }
    }))
}

pub(super) fn no_filter(asked: &Asked<'_>, wrong: NoFilter) -> PageResponse {
    let next = format!(
        "There is no such value of \u{201c}{}\u{201d}. Go back to all jobs.",
        wrong.0
    );
    asked.refusal(400, "This filter does not exist", &next)
}

fn nothing(html: &mut Html, filter: &JobFilter, page: &JobPage) {
    match (page.next, filter.is_empty()) {
        (Some(_), _) => empty(
            html,
            &format!("None of the {SEARCH_LIMIT} jobs that were looked at matches."),
            "There are older ones: search on.",
        ),
        (None, true) => empty(
            html,
            "There are no jobs.",
            "Enqueue one with jobs.enqueue(..); jobs that are done are kept for a day.",
        ),
        (None, false) => empty(html, "No job matches.", "Take something out of the filter."),
    }
}

fn filter_form(html: &mut Html, asked: &Asked<'_>, filter: &JobFilter, queues: &[QueueView]) {
    let action = asked.place.address("/jobs", &[]);
    let form = [
        ("class", "filter"),
        ("action", &*action),
        ("role", "search"),
    ];
    html.el("form", &form, |html| {
        let states = JobState::ALL.map(JobState::name);
        select(html, ("state", "State"), &filter.state, states);
        let names = queues.iter().map(|queue| &*queue.name);
        select(html, ("queue", "Queue"), &filter.queue, names);
        let lanes = [Priority::High, Priority::Low].map(lane_name);
        select(html, ("lane", "Lane"), &filter.lane, lanes);
        input(html, ("kind", "Kind"), &filter.kind);
        input(html, ("error", "Text in the error"), &filter.error);
        input(html, ("unique_key", "Unique key"), &filter.unique_key);
        input(html, ("limit_key", "Limit key"), &filter.limit_key);
        let ages = AGES.map(|(age, _)| age);
        select(html, ("newer", "Newer than"), &filter.newer, ages);
        select(html, ("older", "Older than"), &filter.older, ages);
        if !filter.awaited_by.is_empty() {
            input(
                html,
                ("awaited_by", "Members of the batch"),
                &filter.awaited_by,
            );
        }
        html.text_el("button", &[], "Show");
        let all = asked.place.address("/jobs", &[]);
        html.text_el("a", &[("class", "button quiet"), ("href", &all)], "All");
    });
}

fn select<'a>(
    html: &mut Html,
    (name, label): (&'static str, &str),
    chosen: &str,
    options: impl IntoIterator<Item = &'a str>,
) {
    html.el("label", &[], |html| {
        html.text(label);
        html.el("select", &[("name", name)], |html| {
            html.text_el("option", &[("value", "")], "any");
            for option in options {
                let attributes = [("value", option), ("selected", "")];
                let attributes = if option == chosen {
                    &attributes[..]
                } else {
                    &attributes[..1]
                };
                html.text_el("option", attributes, clip(option, 60));
            }
        });
    });
}

fn input(html: &mut Html, (name, label): (&'static str, &str), value: &str) {
    html.el("label", &[], |html| {
        html.text(label);
        let attributes = [("name", name), ("value", value), ("autocomplete", "off")];
        html.void("input", &attributes);
    });
}

/// A table of jobs; on a phone each row is a card.
pub(super) fn table(html: &mut Html, place: &Place, jobs: &[JobView]) {
    let headings = ["Job", "State", "Queue", "Attempts", "Inserted", "Last"];
    html.table("cards", &headings, |html| {
        for job in jobs {
            html.el("tr", &[], |html| row(html, place, job));
        }
    });
}

fn row(html: &mut Html, place: &Place, job: &JobView) {
    let id = job.id.to_string();
    let address = place.address(&format!("/jobs/{id}"), &[]);
    html.el("td", &[("data-label", "Job")], |html| {
        html.text_el("a", &[("href", &address)], clip(&job.kind, 60));
        html.text_el("code", &[("class", "dim"), ("title", &id)], short_id(&id));
    });
    html.el("td", &[("data-label", "State")], |html| state(html, job));
    queue_cell(html, job);
    let attempts = format!("{} of {}", job.attempt, job.max_attempts);
    html.text_el(
        "td",
        &[("data-label", "Attempts"), ("class", "n")],
        attempts,
    );
    html.el("td", &[("data-label", "Inserted")], |html| {
        past(html, job.created_at, place.now);
    });
    html.el("td", &[("data-label", "Last"), ("class", "last")], |html| {
        last(html, place, job);
    });
}

/// The queue of a job, and its lane.
pub(super) fn queue_cell(html: &mut Html, job: &JobView) {
    html.el("td", &[("data-label", "Queue")], |html| {
        html.text(clip(&job.queue, 40));
        let lane = format_args!(" {}", lane_name(job.lane));
        html.text_el("span", &[("class", "dim")], lane);
    });
}

/// The end of an id: its beginning is the time, which neighbours share.
fn short_id(id: &str) -> &str {
    id.get(24..).unwrap_or(id)
}

/// The state as a coloured word.
pub(super) fn state(html: &mut Html, job: &JobView) {
    let class = format!("state {}", job.state.name());
    html.text_el("span", &[("class", &class)], job.state);
}

/// Writes the last news of a job in one line: its error, its progress, or when.
fn last(html: &mut Html, place: &Place, job: &JobView) {
    if let Some(error) = &job.error {
        let line = error.lines().next().unwrap_or_default();
        return html.text_el("span", &[("class", "error")], clip(line, 120));
    }
    match (job.state, job.finished_at) {
        (JobState::Running, _) => progress(html, job),
        (_, Some(finished)) => past(html, finished, place.now),
        (_, None) => {
            html.text("due ");
            time(html, job.run_at, place.now);
        }
    }
}

/// How far a job has come, if it has said so.
pub(super) fn progress(html: &mut Html, job: &JobView) {
    if let Some(part) = job.progress {
        let part = format!("{:.3}", part.clamp(0.0, 1.0));
        html.el("progress", &[("value", &part)], |_| {});
    }
    match (&job.progress_text, job.progress) {
        (Some(text), _) => html.text(clip(text, 120)),
        (None, Some(_)) => {}
        (None, None) => html.text_el("span", &[("class", "dim")], "says nothing of it"),
    }
}

fn pager(
    html: &mut Html,
    asked: &Asked<'_>,
    filter: &JobFilter,
    (page, is_first): (&JobPage, bool),
) {
    let place = &asked.place;
    html.el(
        "nav",
        &[("class", "pager"), ("aria-label", "Further jobs")],
        |html| {
            if !is_first {
                place.link(html, &place.address("/jobs", &filter.fields()), "Newest");
            }
            if let Some(next) = page.next {
                let next = next.to_string();
                let address = place.address("/jobs", &filter.with(&[("before", &next)]));
                place.link(html, &address, "Older");
            }
            let before = asked.request.query.get("before").unwrap_or_default();
            let again = place.address("/jobs", &filter.with(&[("before", before)]));
            place.link(html, &again, "Load again");
        },
    );
}

/// Leads to the preview of a change to all that match.
fn bulk_form(html: &mut Html, place: &Place, filter: &JobFilter) {
    if place.mode == Mode::ReadOnly {
        return;
    }
    let action = place.address("/bulk", &[]);
    html.el("form", &[("class", "bulk"), ("action", &action)], |html| {
        html.text(match filter.is_empty() {
            true => "All jobs:",
            false => "All that match, on all pages:",
        });
        for (name, value) in filter.given() {
            hidden(html, name, value);
        }
        for action in JobAction::ALL {
            let attributes = [
                ("name", "action"),
                ("value", action.name()),
                ("class", "quiet"),
            ];
            let name = action.name();
            let (first, rest) = name.split_at(1);
            let rest = rest.replace('-', " ");
            let text = format!("{}{rest}\u{2026}", first.to_uppercase());
            html.text_el("button", &attributes, text);
        }
    });
}
