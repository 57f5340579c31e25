//! A solution: the consumer counts the high tasks since the last low one.

use async_task::Runnable;
use chapter_04::run_next;
use flume::Receiver;

/// How many high tasks run in a row at most while a low one waits.
pub const IN_A_ROW: u32 = 7;

/// A consumer of both queues.
#[derive(Debug, Default)]
pub struct Consumer {
    /// High tasks since the last look at the low queue, up to [`IN_A_ROW`].
    in_a_row: u32,
}

impl Consumer {
    /// Runs a high task, or a low one if there is no high one or it is a low one's turn. Tells
    /// whether there was one.
    pub fn run_next(&mut self, high: &Receiver<Runnable>, low: &Receiver<Runnable>) -> bool {
        let lows_turn = self.in_a_row == IN_A_ROW;
        if !lows_turn && run_next(high) {
            self.in_a_row += 1;
            return true;
        }
        self.in_a_row = 0;
        run_next(low) || run_next(high)
    }
}
