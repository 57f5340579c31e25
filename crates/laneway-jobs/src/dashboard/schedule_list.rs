//! Schedules, with their last fires.

use std::time::Duration;

use super::asked::{Answered, Asked};
use super::chart::{Bar, Chart};
use super::frame::empty;
use super::html::Html;
use super::moment::{length, time, utc};
use super::place::{Place, button, clip};
use super::route::Switch;
use crate::store::{Fire, FireOutcome, ScheduleState, ScheduleView, WantedSchedules};

/// The number of the last fires that are drawn.
const FIRES: usize = 20;

pub(super) async fn schedules(asked: &Asked<'_>) -> Answered {
    let wanted = WantedSchedules {
        names: None,
        fires: FIRES,
    };
    let all = asked.store.schedules(wanted).await?.schedules;
    let place = &asked.place;
    Ok(asked.live("Schedules", "/schedules", |html| {
        html.text_el("h1", &[], "Schedules");
        if all.is_empty() {
            let next = "Give one to a worker with Worker::schedule(..); it is here from the \
                worker's start on.";
            return empty(html, "There are no schedules.", next);
        }
        let headings = ["Schedule", "Pattern", "Last fires", "Next", "Served", ""];
        html.table("cards", &headings, |html| {
            for schedule in &all {
                html.el("tr", &[], |html| row(html, place, schedule));
            }
        });
    }))
}

fn row(html: &mut Html, place: &Place, schedule: &ScheduleView) {
    html.el("td", &[("data-label", "Schedule")], |html| {
        html.text_el("b", &[], clip(&schedule.name, 80));
        if schedule.state == ScheduleState::Paused {
            html.text_el("span", &[("class", "badge warn")], "paused");
        }
        let address = place.address("/jobs", &[("kind", &schedule.kind)]);
        let attributes = [("class", "dim"), ("href", &*address)];
        html.text_el("a", &attributes, clip(&schedule.kind, 60));
    });
    html.el("td", &[("data-label", "Pattern")], |html| {
        html.text_el("code", &[], clip(&schedule.pattern, 60));
        html.text_el("span", &[("class", "dim")], clip(&schedule.zone, 40));
    });
    html.el("td", &[("data-label", "Last fires")], |html| {
        fires(html, place, &schedule.fires)
    });
    html.el("td", &[("data-label", "Next")], |html| {
        match schedule.next {
            Some(next) => time(html, next, place.now),
            None => html.text("never"),
        }
    });
    html.el("td", &[("data-label", "Served")], |html| {
        time(html, schedule.served_at, place.now);
    });
    html.el("td", &[], |html| switch(html, place, schedule));
}

fn switch(html: &mut Html, place: &Place, schedule: &ScheduleView) {
    let (switch, word) = match schedule.state {
        ScheduleState::Active => (Switch::Pause, "Pause"),
        ScheduleState::Paused => (Switch::Resume, "Resume"),
    };
    let path = format!("/schedules/{}", switch.name());
    let fields = [("schedule", &*schedule.name)];
    place.change_form(html, &path, &fields, |html| button(html, "quiet", word));
}

/// A bar for each fire, the newest on the right: its colour is what came of it, its height how
/// late it was fired.
fn fires(html: &mut Html, place: &Place, fires: &[Fire]) {
    let Some(last) = fires.first() else {
        return html.text_el("span", &[("class", "dim")], "none yet");
    };
    let mut bars: Vec<Bar> = fires.iter().rev().map(bar).collect();
    // All schedules have the same scale of places, so that bars are equally wide.
    bars.splice(0..0, (fires.len()..FIRES).map(|_| Bar::nothing()));
    let label = format!("The last {} fires", fires.len());
    let chart = Chart {
        label: &label,
        class: "spark",
        bars,
        lines: Vec::new(),
    };
    chart.draw(html);
    html.el("span", &[("class", "dim")], |html| {
        time(html, last.at, place.now);
        html.text(format_args!(": {}", outcome(&last.outcome).1));
    });
}

fn bar(fire: &Fire) -> Bar {
    let late = fire.fired_at.duration_since(fire.at).unwrap_or_default();
    let (class, text) = outcome(&fire.outcome);
    Bar {
        parts: vec![(class, height(late))],
        title: format!("{} UTC, fired {} late: {text}", utc(fire.at), length(late)),
    }
}

/// Four steps: at once, within a second, within a minute, later.
fn height(late: Duration) -> f64 {
    match late.as_millis() {
        0..100 => 1.0,
        100..1_000 => 1.4,
        1_000..60_000 => 2.0,
        _ => 3.0,
    }
}

fn outcome(outcome: &FireOutcome) -> (&'static str, String) {
    match outcome {
        FireOutcome::Enqueued(_) => ("done", "enqueued".to_owned()),
        FireOutcome::Unfinished(_) => ("again", "the one before is unfinished".to_owned()),
        FireOutcome::Refused(why) => ("failed", clip(why, 80)),
    }
}
