//! `drain`: waits until a queue has no job left that is ready or runs.

use std::time::{Duration, Instant};

use laneway::block_on;
use laneway::time::sleep;
use laneway_jobs::store::{QueueState, Store};
use laneway_jobs::{DEFAULT_QUEUE, JobState};
use serde_json::json;

use super::Command;
use super::pauses::state_of;
use crate::args::Args;
use crate::failure::Failure;
use crate::out::Out;
use crate::progress::Progress;
use crate::spec::{Spec, value};
use crate::{length, open};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "drain",
        takes: "[QUEUE]",
        about: "waits until a queue is empty; workers do the work",
        options: &[value(
            "timeout",
            "TIME",
            "waits no longer than this, such as 15m",
        )],
    },
    run,
};

/// How many jobs are counted.
const COUNTED: u64 = 1_000_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Jobs that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    ready: u64,
    running: u64,
}

impl Left {
    fn is_none(self) -> bool {
        self.ready + self.running == 0
    }
}

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let queue = match args.words() {
        [] => DEFAULT_QUEUE,
        _ => args.one_queue("QUEUE at most")?,
    };
    let timeout = args.length("timeout")?;
    let store = open::store(args)?;
    let paused = state_of(&*store, queue)?;
    let state = paused.ok_or_else(|| Failure::refused(format!("there is no queue {queue:?}")))?;
    let left = block_on(left_in(&*store, queue))?;
    Failure::unless_closed(tell(queue, left, state, out))?;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let left = block_on(wait(&*store, queue, deadline))?;
    if left.is_none() {
        let done = json!({"queue": queue, "drained": true});
        return out.tell(&format!("the queue {queue} is empty"), &done);
    }
    let waited = length::shown(timeout.unwrap_or_default());
    Err(Failure::refused(format!(
        "after {waited} the queue {queue:?} has {} ready and {} running jobs left",
        left.ready, left.running
    )))
}

fn tell(queue: &str, left: Left, state: QueueState, out: &mut Out) -> Result<(), Failure> {
    let (is, paused) = match state {
        QueueState::Open => ("", false),
        QueueState::Paused => ("; it is paused, so that no worker takes them", true),
    };
    let text = format!(
        "the queue {queue} has {} ready and {} running jobs{is}",
        left.ready, left.running
    );
    let left = json!({
        "queue": queue, "ready": left.ready, "running": left.running, "paused": paused,
    });
    out.tell(&text, &left)
}

async fn left_in(store: &dyn Store, queue: &str) -> Result<Left, Failure> {
    let mut left = Left::default();
    let counts = store.counts(COUNTED).await?;
    for count in counts.into_iter().filter(|count| count.queue == queue) {
        match count.state {
            JobState::Ready => left.ready = count.count,
            JobState::Running => left.running = count.count,
            _ => {}
        }
    }
    Ok(left)
}

async fn wait(store: &dyn Store, queue: &str, deadline: Option<Instant>) -> Result<Left, Failure> {
    let mut progress = Progress::new();
    let begun = Instant::now();
    loop {
        let left = left_in(store, queue).await?;
        let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if left.is_none() || over {
            return Ok(left);
        }
        let waited = length::shown(begun.elapsed());
        let (ready, running) = (left.ready, left.running);
        progress.show(&format!("{ready} ready, {running} running, for {waited}"));
        sleep(BETWEEN_LOOKS).await;
    }
}
