//! Are all carvings in the queue at once?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chapter_03::run_next;
use laneway_book::check::red;

/// Asserts that the first poll hands in all pieces, and that their order is kept whichever of them
/// is carved first.
macro_rules! carves_all_at_once {
    ($carve_all:path) => {
        let (sender, receiver) = flume::unbounded();
        let pieces: Vec<fn() -> &'static str> = vec![|| "a cup", || "a bowl", || "a jug"];
        let mut carved = pin!($carve_all(&sender, pieces));
        let mut look = || {
            carved
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        };
        assert_eq!(look(), Poll::Pending, "nothing has been carved");
        assert_eq!(receiver.len(), 3, "pieces that consumers can take");
        while run_next(&receiver) {}
        assert_eq!(look(), Poll::Ready(vec!["a cup", "a bowl", "a jug"]));
    };
}

#[test]
fn the_exercise() {
    red("the exercise is there to be solved", || {
        carves_all_at_once!(unsolved::carve_all);
    });
}

#[test]
fn the_solution() {
    carves_all_at_once!(solution::carve_all);
}
