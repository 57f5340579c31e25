//! Can a task be in two hands?

#[path = "../../broken.rs"]
mod wrong;

use std::future::poll_fn;
use std::task::Poll;

use laneway_book::check::red;

use super::Log;

/// Asserts that no consumer can take a task that is being polled, even if it is woken meanwhile.
macro_rules! is_in_one_hand {
    ($runtime:path) => {{
        use $runtime as runtime;
        let (sender, receiver) = flume::unbounded();
        let (log, queue) = (Log::default(), receiver.clone());
        let lengths = log.clone();
        let _task = runtime::spawn_on(
            &sender,
            poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                lengths.write(queue.len());
                Poll::<()>::Pending
            }),
        );
        assert!(runtime::run_next(&receiver));
        assert_eq!(log.lines(), ["0"], "another consumer could take it");
        assert_eq!(receiver.len(), 1, "it was woken, so it is queued now");
    }};
}

/// Asserts that a wake-up in the last poll does not lead to one more.
macro_rules! is_not_polled_when_it_is_done {
    ($runtime:path) => {{
        use $runtime as runtime;
        let (sender, receiver) = flume::unbounded();
        let log = Log::default();
        let polls = log.clone();
        let _task = runtime::spawn_on(
            &sender,
            poll_fn(move |cx| {
                polls.write("polled");
                cx.waker().wake_by_ref();
                Poll::Ready(())
            }),
        );
        // Two steps: one more than there should be.
        runtime::run_next(&receiver);
        runtime::run_next(&receiver);
        assert_eq!(log.lines().len(), 1, "it was done at the first poll");
    }};
}

#[test]
fn a_task_that_queues_itself_while_it_runs_can_be_taken_twice() {
    red("the wake-up queues the task that is being polled", || {
        is_in_one_hand!(wrong);
    });
}

#[test]
fn a_task_that_waits_for_the_end_of_its_poll_cannot() {
    is_in_one_hand!(chapter_03);
}

#[test]
fn a_task_that_queued_itself_is_polled_after_its_end() {
    red("the task is in the queue though it is done", || {
        is_not_polled_when_it_is_done!(wrong);
    });
}

#[test]
fn a_task_that_is_done_is_not_queued() {
    is_not_polled_when_it_is_done!(chapter_03);
}
