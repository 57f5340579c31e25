//! One consumer for both queues, that takes a low task only if there is no high one.

use async_task::Runnable;
use chapter_04::run_next;
use flume::Receiver;

/// A round of two steps by one consumer. Each step is a high task, or if there is none, a low one.
pub fn round(high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    for _ in 0..2 {
        let _ran = run_next(high) || run_next(low);
    }
}
