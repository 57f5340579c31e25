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
        let mut course = Course::new(time, kind);
        let begun = Instant::now();
        while let Some(slice) = course.slice() {
            // A closure cannot be stopped from outside, so it asks.
            if context.is_cancelled() {
                return;
            }
            match kind {
                Kind::Compute => compute(slice),
                Kind::Sleep => thread::sleep(slice),
            }
            course.came_to(begun.elapsed(), &context);
        }
    });
    work.named(name)
}

/// Work for the low queue: a future, whose polls are short.
pub(crate) fn in_polls(order: Order) -> Work<()> {
    let Order { time, name, kind } = order;
    let work = Work::future(async move |context| {
        let mut course = Course::new(time, kind);
        while let Some(slice) = course.slice() {
            let begun = Instant::now();
            match kind {
                Kind::Compute => compute(slice),
                Kind::Sleep => time::sleep(slice).await,
            }
            course.came_to(course.over + begun.elapsed(), &context);
            yield_now().await;
        }
    });
    work.named(name)
}

/// How far a piece of work is. A slice counts for the time that it took: one that the system
/// interrupts for a second has lasted a second, and the rest is shorter. What a future waits for
/// its next poll does not count.
struct Course {
    all: Duration,
    over: Duration,
    longest: Duration,
}

impl Course {
    fn new(all: Duration, kind: Kind) -> Course {
        let longest = match kind {
            Kind::Compute => SLICE,
            Kind::Sleep => NAP,
        };
        let over = Duration::ZERO;
        Course { all, over, longest }
    }

    /// The next slice. None: all of the time is over.
    fn slice(&self) -> Option<Duration> {
        let left = self.all.saturating_sub(self.over);
        (!left.is_zero()).then(|| left.min(self.longest))
    }

    fn came_to(&mut self, over: Duration, context: &WorkContext) {
        self.over = self.all.min(over);
        context.report(self.over.as_secs_f64() / self.all.as_secs_f64(), "");
    }
}

/// Keeps a core busy.
fn compute(time: Duration) {
    let begun = Instant::now();
    while black_box(begun.elapsed()) < time {
        spin_loop();
    }
}
