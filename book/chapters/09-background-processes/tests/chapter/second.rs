//! Does a process end with the value that it is for?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_09::{run_next, spawn_on};
use laneway_book::check::red;

/// Asserts that a process holds its value during its own turns alone, and ends with it.
macro_rules! ends_with_its_value {
    ($tend:path) => {
        let (sender, queue) = flume::unbounded();
        let kiln = Arc::new(AtomicU32::new(0));
        let weak = Arc::downgrade(&kiln);
        let heat = |kiln: &AtomicU32| {
            kiln.fetch_add(1, Ordering::Relaxed);
        };
        let task = spawn_on(&sender, $tend(weak.clone(), heat));
        (0..3).for_each(|_| assert!(run_next(&queue)));
        assert_eq!(kiln.load(Ordering::Relaxed), 3, "it works at each turn");
        drop(kiln);
        assert!(
            weak.upgrade().is_none(),
            "the process keeps the value alive"
        );
        for _ in 0..3 {
            run_next(&queue);
        }
        assert!(task.is_finished(), "the process has ended");
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        ends_with_its_value!(unsolved::tend);
    });
}

#[test]
fn the_solution() {
    ends_with_its_value!(solution::tend);
}
