//! The heavy work itself. It stands for a report, a thumbnail, a hash: it takes its time in slices
//! and tells after each how far it is.

use std::hint::{black_box, spin_loop};
use std::thread;
use std::time::{Duration, Instant};

use laneway::background::{Work, WorkContext};
use laneway::{time, yield_now};

use super::order::{Kind, Order};

/// How long one poll computes. Between two of them, other low tasks have their turn.
const SLICE: Duration = Duration::from_millis(2);

/// How much of a sleep lies between two reports.
const NAP: Duration = Duration::from_millis(50);

/// Work for the blocking pool: a closure that may keep its thread.
pub(crate) fn on_a_thread(order: Order) -> Work<()> {
    let Order { time, name, kind } = order;
    let work = Work::sync(move |context| {
        for (slice, after) in slices(time, kind) {
            // A closure cannot be stopped from outside, so it asks.
            if context.is_cancelled() {
                return;
            }
            match kind {
                Kind::Compute => compute(slice),
                Kind::Sleep => thread::sleep(slice),
            }
            report(&context, after, time);
        }
    });
    work.named(name)
}

/// Work for the low queue: a future, whose polls are short.
pub(crate) fn in_polls(order: Order) -> Work<()> {
    let Order { time, name, kind } = order;
    let work = Work::future(async move |context| {
        for (slice, after) in slices(time, kind) {
            match kind {
                Kind::Compute => {
                    compute(slice);
                    yield_now().await;
                }
                Kind::Sleep => time::sleep(slice).await,
            }
            report(&context, after, time);
        }
    });
    work.named(name)
}

/// A time in slices: each, and how much is over after it.
fn slices(time: Duration, kind: Kind) -> impl Iterator<Item = (Duration, Duration)> {
    let longest = match kind {
        Kind::Compute => SLICE,
        Kind::Sleep => NAP,
    };
    let mut over = Duration::ZERO;
    std::iter::from_fn(move || {
        let slice = longest.min(time - over);
        over += slice;
        (!slice.is_zero()).then_some((slice, over))
    })
}

/// Keeps a core busy.
fn compute(time: Duration) {
    let begun = Instant::now();
    while black_box(begun.elapsed()) < time {
        spin_loop();
    }
}

fn report(context: &WorkContext, over: Duration, all: Duration) {
    let fraction = over.as_secs_f64() / all.as_secs_f64();
    context.report(fraction, "");
}
