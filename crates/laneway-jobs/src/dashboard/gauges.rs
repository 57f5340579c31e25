//! The numbers of the queues, for programs that watch over them.
//!
//! They are text as Prometheus reads it. A program gives the token as `Authorization: Bearer`.

use std::fmt::{Display, Write};
use std::time::{Duration, SystemTime};

use super::asked::{Answered, Asked};
use super::filter::lane_name;
use super::response::PageResponse;
use crate::store::{QueueCount, QueueState, QueuesNow};
use laneway::Priority;

/// How many jobs of a queue and state are counted.
const COUNTED: u64 = 10_000;

pub(super) async fn gauges(asked: &Asked<'_>, now: &QueuesNow) -> Answered {
    let counts = asked.store.counts(COUNTED).await?;
    Ok(PageResponse::gauges(text(now, &counts)))
}

fn text(now: &QueuesNow, counts: &[QueueCount]) -> String {
    let mut text = String::new();
    about(
        &mut text,
        "jobs",
        "Jobs by queue and state, counted to 10000.",
    );
    for count in counts {
        let labels = [("queue", &*count.queue), ("state", count.state.name())];
        gauge(&mut text, "jobs", &labels, count.count);
    }
    about(&mut text, "queue_paused", "1 where workers take no jobs.");
    for queue in &now.queues {
        let paused = u8::from(queue.state == QueueState::Paused);
        gauge(
            &mut text,
            "queue_paused",
            &[("queue", &*queue.name)],
            paused,
        );
    }
    about(
        &mut text,
        "overdue_seconds",
        "How long the first ready job of a lane has been due.",
    );
    for queue in &now.queues {
        for (lane, due) in [
            (Priority::High, queue.high_due),
            (Priority::Low, queue.low_due),
        ] {
            let labels = [("queue", &*queue.name), ("lane", lane_name(lane))];
            let overdue = overdue(now.now, due).as_secs_f64();
            gauge(&mut text, "overdue_seconds", &labels, overdue);
        }
    }
    text
}

/// Nothing where no job is due.
fn overdue(now: SystemTime, due: Option<SystemTime>) -> Duration {
    let since = due.and_then(|due| now.duration_since(due).ok());
    since.unwrap_or_default()
}

fn about(text: &mut String, name: &str, help: &str) {
    let told = write!(
        text,
        "# HELP laneway_{name} {help}\n# TYPE laneway_{name} gauge\n"
    );
    told.expect("a text takes all");
}

fn gauge(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl Display) {
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    let told = writeln!(text, "laneway_{name}{{{}}} {value}", labels.join(","));
    told.expect("a text takes all");
}

/// A name as a label's value has it.
fn escaped(name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    name.replace('\n', "\\n")
}
