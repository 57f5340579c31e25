//! The heavy work: it stands for whatever else the process has to do.

use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use laneway::background::{TaskQueue, Work};
use laneway::{Handle, yield_now};

/// How long a piece of work computes.
const TIME: Duration = Duration::from_secs(1);

/// How long one of its polls does. Between two of them, other low tasks have their turn.
const SLICE: Duration = Duration::from_millis(2);

/// How many pieces run at a time, and how many wait besides.
const RUNNING: usize = 8;
const WAITING: usize = 256;

/// A queue of work on the low queue.
#[derive(Clone)]
pub(crate) struct Heavy(TaskQueue<()>);

impl Heavy {
    pub(crate) fn on(runtime: &Handle) -> Heavy {
        Heavy(TaskQueue::bounded(WAITING).workers(RUNNING).on(runtime))
    }

    /// Starts this many pieces. How many there was room for.
    pub(crate) fn start(&self, count: usize) -> usize {
        let submit = |_: &usize| {
            self.0
                .submit(Work::future(async |_| compute().await))
                .is_ok()
        };
        (0..count).take_while(submit).count()
    }

    /// How many pieces are not done.
    pub(crate) fn left(&self) -> u64 {
        let metrics = self.0.metrics();
        (metrics.queued + metrics.running) as u64
    }
}

async fn compute() {
    let mut left = TIME;
    while let Some(rest) = left.checked_sub(SLICE) {
        let begun = Instant::now();
        while black_box(begun.elapsed()) < SLICE {
            spin_loop();
        }
        left = rest;
        yield_now().await;
    }
}
