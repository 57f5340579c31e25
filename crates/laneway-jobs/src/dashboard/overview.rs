//! The first page: how much there is, how fast it goes, what each queue does.

use std::time::Duration;

use super::asked::{Answered, Asked};
use super::counted::Counted;
use super::flow::Flow;
use super::frame::empty;
use super::html::Html;
use super::moment::length;
use super::place::{Place, button, clip};
use super::route::Switch;
use super::span::{SLOTS, Span};
use crate::job_state::JobState;
use crate::store::{Activity, ActivityWanted, QueueCount, QueueState, QueueView};

/// The bound up to which jobs of a queue and state are counted.
pub(super) const COUNTED: u64 = 10_000;
/// The number of queues that are drawn; the others are listed.
const DRAWN: usize = 20;
/// The bound up to which jobs of a queue are counted in a slot.
const PER_SLOT: u64 = 1_000;

pub(super) async fn overview(asked: &Asked<'_>, queues: Vec<QueueView>) -> Answered {
    let span = Span::named(asked.request.query.get("span"));
    let wanted = ActivityWanted {
        queues: queues
            .iter()
            .take(DRAWN)
            .map(|queue| queue.name.clone())
            .collect(),
        slot: span.slot,
        slots: SLOTS,
        at_most: PER_SLOT,
    };
    let counts = asked.store.counts(COUNTED).await?;
    let activity = asked.store.activity(wanted).await?;
    Ok(asked.live("Overview", "/", |html| {
        html.text_el("h1", &[], "Overview");
        if queues.is_empty() {
            return nothing_yet(html);
        }
        tiles(html, &asked.place, &counts);
        span.choice(html, &asked.place);
        charts(html, &activity, span);
        html.text_el("h2", &[], "Queues");
        for queue in &queues {
            section(html, &asked.place, queue, (&counts, &activity, span));
        }
    }))
}

fn nothing_yet(html: &mut Html) {
    let next = "Enqueue one with jobs.enqueue(..), and start a Worker that handles its kind: this \
        page shows it within two seconds.";
    empty(html, "There are no jobs yet.", next);
}

fn tiles(html: &mut Html, place: &Place, counts: &[QueueCount]) {
    html.el("ul", &[("class", "tiles")], |html| {
        for state in JobState::ALL {
            let of_state = counts.iter().filter(|count| count.state == state);
            let count = of_state
                .map(|count| Counted::up_to(count.count, COUNTED))
                .sum::<Counted>();
            let address = place.address("/jobs", &[("state", state.name())]);
            html.el("li", &[("class", state.name())], |html| {
                html.el("a", &[("href", &address)], |html| {
                    html.text_el("b", &[], count);
                    html.text_el("span", &[], state);
                });
            });
        }
    });
}

fn charts(html: &mut Html, activity: &Activity, span: Span) {
    let flow = Flow::of(activity, |_| true);
    html.el("div", &[("class", "charts")], |html| {
        flow.throughput().figure(html, span);
        flow.waits().figure(html, span);
        flow.failures().figure(html, span);
    });
}

type Seen<'a> = (&'a [QueueCount], &'a Activity, Span);

fn section(html: &mut Html, place: &Place, queue: &QueueView, seen: Seen<'_>) {
    html.el("section", &[("class", "queue")], |html| {
        html.el("div", &[("class", "bar")], |html| {
            html.text_el("h3", &[], clip(&queue.name, 80));
            if queue.state == QueueState::Paused {
                html.text_el("span", &[("class", "badge warn")], "paused");
            }
            states(html, place, queue, seen.0);
            switch(html, place, queue);
        });
        lanes(html, place, queue, seen);
    });
}

fn states(html: &mut Html, place: &Place, queue: &QueueView, counts: &[QueueCount]) {
    let own = counts.iter().filter(|count| count.queue == queue.name);
    for count in own {
        let state = count.state.name();
        let address = place.address("/jobs", &[("state", state), ("queue", &queue.name)]);
        html.el("a", &[("class", "count"), ("href", &address)], |html| {
            html.text_el("b", &[], Counted::up_to(count.count, COUNTED));
            html.text(format_args!(" {state}"));
        });
    }
}

fn switch(html: &mut Html, place: &Place, queue: &QueueView) {
    let (switch, word) = match queue.state {
        QueueState::Open => (Switch::Pause, "Pause"),
        QueueState::Paused => (Switch::Resume, "Resume"),
    };
    let path = format!("/queues/{}", switch.name());
    place.change_form(html, &path, &[("queue", &queue.name)], |html| {
        button(html, "quiet", word);
    });
}

fn lanes(html: &mut Html, place: &Place, queue: &QueueView, (_, activity, span): Seen<'_>) {
    let own: Vec<_> = activity
        .lanes
        .iter()
        .filter(|lane| lane.queue == queue.name)
        .collect();
    if own.is_empty() {
        return;
    }
    let headings = ["Lane", "Done per second", "Wait", "Failures", "Next"];
    html.table("lanes", &headings, |html| {
        for (lane, due) in own.iter().zip([queue.high_due, queue.low_due]) {
            let waits = due.map(|due| next_in(due, place));
            let flow = Flow::of(activity, |other| std::ptr::eq(other, *lane));
            flow.row(html, lane.lane, (waits, span));
        }
    });
}

/// When the next job of a lane may run, or for how long it might have.
fn next_in(due: std::time::SystemTime, place: &Place) -> String {
    match place.now.duration_since(due) {
        Ok(late) if late > Duration::ZERO => format!("waits for {}", length(late)),
        Ok(_) => "is due".to_owned(),
        Err(ahead) => format!("in {}", length(ahead.duration())),
    }
}
