//! One job's story.

use std::time::SystemTime;

use super::asked::{Answered, Asked};
use super::filter::lane_name;
use super::frame::empty;
use super::html::Html;
use super::job_list::{progress, state};
use super::json_text::{JsonText, SHOWN};
use super::moment::{length, time, whole_time};
use super::place::{Mode, Place, button, clip};
use super::response::PageResponse;
use super::route::JobPart;
use super::timeline::Timeline;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{BatchCounts, JobAction, JobStory, JobView, Step, StopRequest, StoreError};

/// So much of an error is shown.
const ERROR_SHOWN: usize = 20_000;
/// The number of steps that are shown.
const STEPS_SHOWN: usize = 200;

/// All that is known of a job.
struct Known {
    job: JobView,
    story: JobStory,
    steps: Vec<Step>,
    batch: Option<BatchCounts>,
}

async fn known(asked: &Asked<'_>, id: JobId) -> Result<Option<Known>, StoreError> {
    let job = asked.store.look(vec![id]).await?.pop().flatten();
    let story = asked.store.stories(vec![id]).await?.pop().flatten();
    let (Some(job), Some(story)) = (job, story) else {
        return Ok(None);
    };
    let batch = asked.store.batches(vec![id]).await?.pop().flatten();
    Ok(Some(Known {
        job,
        story,
        steps: asked.store.steps(id).await?,
        batch,
    }))
}

pub(super) async fn job_page(asked: &Asked<'_>, id: JobId) -> Answered {
    let Some(known) = known(asked, id).await? else {
        return Ok(missing(asked));
    };
    let place = &asked.place;
    let title = clip(&known.job.kind, 60);
    Ok(asked.live(&title, "/jobs", |html| {
        html.el("h1", &[], |html| {
            html.text(clip(&known.job.kind, 200));
            html.text(" ");
            state(html, &known.job);
        });
        actions(html, place, &known.job);
        facts(html, place, &known);
        html.text_el("h2", &[], "Attempts");
        Timeline::of(&known.job, &known.story).draw(html, place);
        error(html, &known.job);
        steps(html, &known.steps);
        json(html, place, &known.job, JobPart::Payload);
        json(html, place, &known.job, JobPart::Result);
    }))
}

fn missing(asked: &Asked<'_>) -> PageResponse {
    asked.refusal(
        404,
        "There is no such job",
        "It was deleted, or pruned some time after its end: one day after it was done, 14 days \
         after it failed.",
    )
}

/// The payload or the result as it is stored.
pub(super) async fn part(asked: &Asked<'_>, id: JobId, part: JobPart) -> Answered {
    let job = asked.store.look(vec![id]).await?.pop().flatten();
    let bytes = job.and_then(|job| match part {
        JobPart::Payload => Some(job.payload),
        JobPart::Result => job.result,
    });
    let name = match part {
        JobPart::Payload => format!("payload-{id}.json"),
        JobPart::Result => format!("result-{id}.json"),
    };
    Ok(match bytes {
        Some(bytes) => PageResponse::download(&name, bytes),
        None => missing(asked),
    })
}

fn actions(html: &mut Html, place: &Place, job: &JobView) {
    let path = |action: JobAction| format!("/jobs/{}/{}", job.id, action.name());
    let stop = match job.state {
        JobState::Running => "Ask it to stop",
        _ => "Cancel",
    };
    html.el("div", &[("class", "actions")], |html| {
        for action in JobAction::ALL {
            let waits = action != JobAction::RunNow || job.run_at > place.now;
            if !action.applies_to(job.state) || !waits {
                continue;
            }
            let path = path(action);
            match action {
                JobAction::Retry => act(html, place, &path, ("", "Run again")),
                JobAction::RunNow => act(html, place, &path, ("", "Run now")),
                JobAction::Cancel => act(html, place, &path, ("quiet", stop)),
                JobAction::Delete => delete(html, place, &path),
            }
        }
    });
}

fn act(html: &mut Html, place: &Place, path: &str, (class, text): (&str, &str)) {
    place.change_form(html, path, &[], |html| button(html, class, text));
}

/// Two steps, since nothing brings a deleted job back.
fn delete(html: &mut Html, place: &Place, path: &str) {
    if place.mode == Mode::ReadOnly {
        return;
    }
    html.el("details", &[], |html| {
        html.text_el("summary", &[("class", "button quiet")], "Delete\u{2026}");
        place.change_form(html, path, &[], |html| {
            html.text("It cannot be brought back. ");
            button(html, "danger", "Delete for good");
        });
    });
}

fn facts(html: &mut Html, place: &Place, known: &Known) {
    let (job, story) = (&known.job, &known.story);
    html.el("dl", &[("class", "facts")], |html| {
        fact(html, "Id", |html| html.text_el("code", &[], job.id));
        fact(html, "Queue", |html| {
            let address = place.address("/jobs", &[("queue", &job.queue)]);
            place.link(html, &address, &clip(&job.queue, 80));
            html.text(format_args!(", {} lane", lane_name(job.lane)));
        });
        fact(html, "Attempts", |html| {
            html.text(format_args!("{} of {}", job.attempt, job.max_attempts));
        });
        if job.crashes > 0 {
            let text = format!("{} workers were lost with it", job.crashes);
            fact(html, "Crashes", |html| html.text(text));
        }
        moments(html, place, known);
        if let Some(timeout) = story.timeout {
            fact(html, "Time per attempt", |html| html.text(length(timeout)));
        }
        for (name, key) in [
            ("Unique key", &job.unique_key),
            ("Limit key", &job.limit_key),
        ] {
            if let Some(key) = key {
                fact(html, name, |html| html.text_el("code", &[], clip(key, 200)));
            }
        }
        running(html, place, known);
        relations(html, place, known);
    });
}

fn moments(html: &mut Html, place: &Place, known: &Known) {
    let job = &known.job;
    moment_fact(html, place, "Inserted", Some(job.created_at));
    if job.state == JobState::Ready {
        moment_fact(html, place, "Due", Some(job.run_at));
    }
    moment_fact(html, place, "Ended", job.finished_at);
    moment_fact(html, place, "Expires", known.story.expires_at);
}

fn fact(html: &mut Html, name: &str, value: impl FnOnce(&mut Html)) {
    html.el("div", &[], |html| {
        html.text_el("dt", &[], name);
        html.el("dd", &[], value);
    });
}

fn moment_fact(html: &mut Html, place: &Place, name: &str, moment: Option<SystemTime>) {
    if let Some(moment) = moment {
        fact(html, name, |html| whole_time(html, moment, place.now));
    }
}

fn running(html: &mut Html, place: &Place, known: &Known) {
    let (job, story) = (&known.job, &known.story);
    if job.state != JobState::Running {
        return;
    }
    if let Some(worker) = &job.worker {
        fact(html, "Worker", |html| html.text(clip(worker, 80)));
    }
    if let Some(until) = story.lease_until {
        fact(html, "Lease ends", |html| {
            time(html, until, place.now);
            html.text(", unless it is renewed");
        });
    }
    if job.progress.is_some() || job.progress_text.is_some() {
        fact(html, "Progress", |html| progress(html, job));
    }
    if story.stop == StopRequest::Asked {
        let text = "its worker has been asked, and learns it when it renews the lease";
        fact(html, "Stop", |html| html.text(text));
    }
}

fn relations(html: &mut Html, place: &Place, known: &Known) {
    let job = &known.job;
    for (name, other) in [("Enqueued by", job.parent), ("Awaited by", job.awaited_by)] {
        if let Some(other) = other {
            fact(html, name, |html| {
                place.link(
                    html,
                    &place.address(&format!("/jobs/{other}"), &[]),
                    &other.to_string(),
                );
            });
        }
    }
    if let Some(counts) = known.batch {
        fact(html, "Waits for", |html| members(html, place, job, counts));
    }
}

fn members(html: &mut Html, place: &Place, job: &JobView, counts: BatchCounts) {
    let id = job.id.to_string();
    let address = place.address("/jobs", &[("awaited_by", &id)]);
    let text = match counts.total {
        0 => return html.text("no job: it did not wait"),
        1 => "one job".to_owned(),
        total => format!("{total} jobs"),
    };
    place.link(html, &address, &text);
    let parts = [
        (counts.left(), "left"),
        (counts.done, "done"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.quarantined, "quarantined"),
    ];
    let there = parts.into_iter().filter(|(count, _)| *count > 0);
    let there: Vec<String> = there
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    html.text(format_args!(": {}", there.join(", ")));
}

fn error(html: &mut Html, job: &JobView) {
    let Some(error) = &job.error else {
        return;
    };
    html.text_el("h2", &[], "Last error");
    html.text_el(
        "pre",
        &[("class", "error"), ("tabindex", "0")],
        clip(error, ERROR_SHOWN),
    );
}

fn steps(html: &mut Html, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    html.text_el("h2", &[], "Steps");
    html.el("table", &[("class", "cards")], |html| {
        html.el("tbody", &[], |html| {
            let shown = steps.iter().take(STEPS_SHOWN);
            shown.for_each(|step| step_row(html, step));
        });
    });
    if steps.len() > STEPS_SHOWN {
        html.text_el(
            "p",
            &[],
            format_args!("And {} more.", steps.len() - STEPS_SHOWN),
        );
    }
}

fn step_row(html: &mut Html, step: &Step) {
    let value = String::from_utf8_lossy(&step.value[..step.value.len().min(600)]);
    html.el("tr", &[], |html| {
        html.text_el("th", &[("scope", "row")], clip(&step.name, 80));
        html.el("td", &[("data-label", "Value")], |html| {
            html.text_el("code", &[], clip(&value, 500));
        });
    });
}

fn json(html: &mut Html, place: &Place, job: &JobView, part: JobPart) {
    let (name, path, bytes) = match part {
        JobPart::Payload => ("Payload", "payload", Some(&job.payload)),
        JobPart::Result => ("Result", "result", job.result.as_ref()),
    };
    let Some(bytes) = bytes else {
        return;
    };
    html.text_el("h2", &[], name);
    match JsonText::of(bytes) {
        JsonText::Whole(text) => block(html, &text),
        JsonText::Beginning(text, bytes) if bytes > SHOWN => {
            block(html, &text);
            let address = place.address(&format!("/jobs/{}/{path}", job.id), &[]);
            html.el("p", &[], |html| {
                html.text(format_args!("The first {SHOWN} of {bytes} bytes. "));
                place.link(html, &address, "Download all of it");
            });
        }
        JsonText::Beginning(text, _) => {
            empty(
                html,
                "This is no JSON that a page can break into lines:",
                "",
            );
            block(html, &text);
        }
    }
}

fn block(html: &mut Html, text: &str) {
    html.text_el("pre", &[("tabindex", "0")], text);
}
