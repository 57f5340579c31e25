//! The attempts at a job, in their order, on one scale of time.

use std::time::{Duration, SystemTime};

use super::frame::empty;
use super::html::Html;
use super::moment::{length, past};
use super::place::{Place, clip};
use crate::job_state::JobState;
use crate::store::{JobStory, JobView};

/// An attempt, whether it completed or not.
struct Tried {
    /// Its number among the attempts that are told.
    number: u32,
    begun: SystemTime,
    ended: Option<SystemTime>,
    worker: Option<String>,
    outcome: Outcome,
}

enum Outcome {
    Done,
    Running,
    Failed(String),
}

impl Outcome {
    fn class(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Running => "running",
            Outcome::Failed(_) => "failed",
        }
    }

    fn text(&self) -> String {
        match self {
            Outcome::Done => "done".to_owned(),
            Outcome::Running => "runs".to_owned(),
            Outcome::Failed(error) => clip(error, 300),
        }
    }
}

/// The attempts at a job, as far as they are known.
pub(super) struct Timeline {
    from: SystemTime,
    tried: Vec<Tried>,
    /// Whether the job has ended before a worker began it.
    is_unbegun: bool,
}

/// The width of the scale, in its own units.
const WIDTH: f64 = 1_000.0;

impl Timeline {
    pub(super) fn of(job: &JobView, story: &JobStory) -> Timeline {
        let mut tried: Vec<Tried> = story
            .attempts
            .iter()
            .map(|attempt| Tried {
                number: attempt.attempt,
                begun: attempt.started_at.unwrap_or(attempt.ended_at),
                ended: Some(attempt.ended_at),
                worker: attempt.worker.clone(),
                outcome: Outcome::Failed(attempt.error.clone()),
            })
            .collect();
        let last = |begun, outcome| Tried {
            number: job.attempt,
            begun,
            ended: job.finished_at,
            worker: job.worker.clone(),
            outcome,
        };
        match (job.state, story.started_at) {
            (JobState::Done, Some(begun)) => tried.push(last(begun, Outcome::Done)),
            (JobState::Running, Some(begun)) => tried.push(last(begun, Outcome::Running)),
            _ => {}
        }
        let from = job.created_at;
        Timeline {
            from,
            tried,
            is_unbegun: job.state.is_settled() && job.attempt == 0,
        }
    }

    pub(super) fn draw(&self, html: &mut Html, place: &Place) {
        if self.is_unbegun {
            let end = "The job was cancelled, or its time was over, before a worker began it.";
            return empty(html, "No attempt was made.", end);
        }
        if self.tried.is_empty() {
            let next = "A worker that handles this kind begins it when it is due.";
            return empty(html, "No attempt has ended yet.", next);
        }
        let end = |tried: &Tried| tried.ended.unwrap_or(place.now);
        let until = self.tried.iter().map(end).max().unwrap_or(place.now);
        let whole = until.duration_since(self.from).unwrap_or_default();
        html.el("ol", &[("class", "timeline")], |html| {
            for tried in &self.tried {
                html.el("li", &[("class", tried.outcome.class())], |html| {
                    self.attempt(html, tried, (place, whole));
                });
            }
        });
    }

    fn attempt(&self, html: &mut Html, tried: &Tried, (place, whole): (&Place, Duration)) {
        let took = tried.ended.unwrap_or(place.now).duration_since(tried.begun);
        let took = took.unwrap_or_default();
        let before = tried.begun.duration_since(self.from).unwrap_or_default();
        scale(html, tried.outcome.class(), (before, took), whole);
        html.el("p", &[], |html| {
            html.text_el("b", &[], format_args!("Attempt {}", tried.number));
            html.text(" began ");
            past(html, tried.begun, place.now);
            html.text(format_args!(
                ", {} after the insert, took {}",
                length(before),
                length(took)
            ));
            if let Some(worker) = &tried.worker {
                html.text_el(
                    "span",
                    &[("class", "dim")],
                    format_args!(" on {}", clip(worker, 60)),
                );
            }
        });
        html.text_el("p", &[("class", "outcome")], tried.outcome.text());
    }
}

/// Where an attempt lies between the insert and the end.
fn scale(html: &mut Html, class: &str, (before, took): (Duration, Duration), whole: Duration) {
    let unit = WIDTH / whole.as_secs_f64().max(0.000_001);
    let width = (took.as_secs_f64() * unit).clamp(6.0, WIDTH);
    let left = (before.as_secs_f64() * unit).min(WIDTH - width);
    let (x, width) = (format!("{left:.1}"), format!("{width:.1}"));
    let view = [
        ("viewBox", "0 0 1000 10"),
        ("preserveAspectRatio", "none"),
        ("aria-hidden", "true"),
    ];
    html.el("svg", &view, |html| {
        html.text_el("path", &[("class", "ground"), ("d", "M0 5H1000")], "");
        html.text_el(
            "rect",
            &[
                ("class", class),
                ("x", &x),
                ("width", &width),
                ("height", "10"),
            ],
            "",
        );
    });
}
