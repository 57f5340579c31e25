//! Does a process go on when the function that started it comes back?

#[path = "../../broken.rs"]
mod wrong;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_09::run_next;
use futures_lite::future::yield_now;
use laneway_book::check::red;

/// A process is started, and the queue is given ten turns.
macro_rules! works_at_every_turn {
    ($start_process:path) => {
        let (sender, queue) = flume::unbounded();
        let worked = Arc::new(AtomicU32::new(0));
        let count = worked.clone();
        let work = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        $start_process(&sender, work, yield_now);
        for _ in 0..10 {
            run_next(&queue);
        }
        let worked = worked.load(Ordering::Relaxed);
        assert_eq!(worked, 10, "times that it worked in ten turns");
    };
}

#[test]
fn a_process_in_a_local_variable_ends_with_the_function() {
    red("the ticket was dropped at the closing brace", || {
        works_at_every_turn!(wrong::start_process);
    });
}

#[test]
fn a_detached_process_goes_on() {
    works_at_every_turn!(chapter_09::start_process);
}
