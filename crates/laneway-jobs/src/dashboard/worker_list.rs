//! Workers, by the leases that they hold.

use std::collections::BTreeMap;

use super::asked::{Answered, Asked};
use super::counted::Counted;
use super::frame::empty;
use super::html::Html;
use super::job_list::{progress, queue_cell};
use super::moment::{past, time};
use super::place::{Place, clip};
use crate::store::{LIST_LIMIT, LeaseView, StopRequest};

/// The number of leases that are read.
const READ: usize = LIST_LIMIT;
/// The number of a worker's leases that are listed.
const LISTED: usize = 25;

pub(super) async fn workers(asked: &Asked<'_>) -> Answered {
    let leases = asked.store.leases(READ).await?;
    let place = &asked.place;
    Ok(asked.live("Workers", "/workers", |html| {
        html.text_el("h1", &[], "Workers");
        if leases.is_empty() {
            let next = "A worker is seen here while it runs jobs. Start one with \
                Worker::new(&jobs).queue(..).handle(..).start(&rt).";
            return empty(html, "No worker holds a lease.", next);
        }
        let count = Counted::up_to(leases.len() as u64, READ as u64);
        let text =
            format!("Jobs that run: {count}. A worker that has nothing to do is not listed.");
        html.text_el("p", &[("class", "dim")], text);
        for (name, leases) in by_worker(&leases) {
            worker(html, place, name, &leases);
        }
    }))
}

fn by_worker(leases: &[LeaseView]) -> BTreeMap<&str, Vec<&LeaseView>> {
    let mut workers: BTreeMap<&str, Vec<&LeaseView>> = BTreeMap::new();
    for lease in leases {
        let name = lease
            .job
            .worker
            .as_deref()
            .unwrap_or("a worker without a name");
        workers.entry(name).or_default().push(lease);
    }
    workers
}

fn worker(html: &mut Html, place: &Place, name: &str, leases: &[&LeaseView]) {
    html.el("section", &[("class", "queue")], |html| {
        html.el("div", &[("class", "bar")], |html| {
            html.text_el("h2", &[], clip(name, 80));
            let count = format!("leases: {}", leases.len());
            html.text_el("span", &[("class", "count")], count);
            let first = leases.iter().map(|lease| lease.until).min();
            if first.is_some_and(|until| until < place.now) {
                html.text_el("span", &[("class", "badge warn")], "a lease has ended");
            }
        });
        let headings = ["Job", "Queue", "Attempt", "Begun", "Lease ends", "Progress"];
        html.table("cards", &headings, |html| {
            for lease in leases.iter().take(LISTED) {
                html.el("tr", &[], |html| row(html, place, lease));
            }
        });
        if leases.len() > LISTED {
            let more = format!("And {} more.", leases.len() - LISTED);
            html.text_el("p", &[("class", "dim")], more);
        }
    });
}

fn row(html: &mut Html, place: &Place, lease: &LeaseView) {
    let job = &lease.job;
    let address = place.address(&format!("/jobs/{}", job.id), &[]);
    html.el("td", &[("data-label", "Job")], |html| {
        place.link(html, &address, &clip(&job.kind, 60));
        if lease.stop == StopRequest::Asked {
            html.text_el("span", &[("class", "badge warn")], "asked to stop");
        }
    });
    queue_cell(html, job);
    let attempt = format!("{} of {}", job.attempt, job.max_attempts);
    html.text_el("td", &[("data-label", "Attempt"), ("class", "n")], attempt);
    html.el("td", &[("data-label", "Begun")], |html| {
        if let Some(begun) = lease.started_at {
            past(html, begun, place.now);
        }
    });
    html.el("td", &[("data-label", "Lease ends")], |html| {
        time(html, lease.until, place.now);
    });
    html.el(
        "td",
        &[("data-label", "Progress"), ("class", "last")],
        |html| progress(html, job),
    );
}
