//! Your turn: one consumer for two queues, and no task starves.

use async_task::Runnable;
use chapter_04::run_next;
use flume::Receiver;

/// How many high tasks run in a row at most while a low one waits.
pub const IN_A_ROW: u32 = 7;

/// A consumer of both queues.
#[derive(Debug, Default)]
pub struct Consumer {}

impl Consumer {
    /// Runs a high task, or if there is none, a low one. Tells whether there was one.
    ///
    /// While there are high tasks, no low task has a turn.
    pub fn run_next(&mut self, high: &Receiver<Runnable>, low: &Receiver<Runnable>) -> bool {
        run_next(high) || run_next(low)
    }
}
