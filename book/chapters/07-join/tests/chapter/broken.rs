//! Can a task wait for tasks that it has spawned itself?

#[path = "../../broken.rs"]
mod wrong;

use chapter_07::{gather, spawn_on};
use futures_lite::future::block_on;
use laneway_book::check::red;

use super::{ends, start_pool};

/// A task on the only consumer spawns another, and gathers what comes of it.
macro_rules! ends_on_one_consumer {
    ($gather:path) => {
        let ended = ends(|| {
            let (queue, receiver) = flume::unbounded();
            start_pool(1, &receiver);
            let inner = queue.clone();
            let parent = async move {
                let child = spawn_on(&inner, async { "a cup" });
                $gather(vec![child]).await
            };
            assert_eq!(block_on(spawn_on(&queue, parent)), ["a cup"]);
        });
        assert!(
            ended,
            "the parent waits for its child, and the child for a consumer"
        );
    };
}

#[test]
fn a_gather_that_joins_waits_for_its_own_consumer() {
    red(
        "the child is in the queue of the consumer that waits",
        || {
            ends_on_one_consumer!(wrong::gather);
        },
    );
}

#[test]
fn a_gather_that_awaits_leaves_the_consumer_free() {
    ends_on_one_consumer!(gather);
}
