//! Whether a worker follows the threads that bring its tasks to their cores.
//!
//! A thread that spawns a task, sleeps until it has ended, and spawns the next is woken once for
//! each task. On another core than the worker's that takes long, on many virtual machines more than
//! ten times as long as the task. So a worker whose rests were short, several times in a row,
//! *follows* its bringers (T43): before it parks it goes to the core of the last one, if that is a
//! thread that gives up its core where it waits (`nearby.rs`). There the bringer's wake-up
//! interrupts the nice worker, which goes on when the bringer waits again, and finds the next task
//! without a rest.
//!
//! Whether a thread is about to wait can only be guessed. If it goes on instead, the worker may get
//! its core milliseconds late, which costs as much as hundreds of prompt wake-ups gain. So four
//! times as many short rests have to pass before a worker that was late follows again, and only
//! many prompt wake-ups make it quicker to follow (T46). Read `linger.rs` next.

use std::time::Duration;

/// A worker's memory of whether it paid to follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Following {
    /// How many short rests there were in a row.
    short_rests: u32,
    /// After how many of them the worker follows.
    limit: u32,
    /// How often it has followed and was there in time, since the limit has changed.
    prompt: u32,
}

const LEAST: u32 = 4;
const MOST: u32 = 1 << 16;

/// A worker that runs so long after it was unparked is late.
const LATE: Duration = Duration::from_micros(100);

/// The limit falls after so many prompt wake-ups.
const MANY: u32 = 256;

impl Following {
    pub(super) fn new() -> Following {
        Following {
            short_rests: 0,
            limit: LEAST,
            prompt: 0,
        }
    }

    /// Whether the worker follows the next time, if it may.
    pub(super) fn is_due(self) -> bool {
        self.short_rests >= self.limit
    }

    /// Notes the end of a rest before which the worker did not follow.
    pub(super) fn rested(&mut self, was_short: bool) {
        self.short_rests = match was_short {
            true => self.short_rests.saturating_add(1),
            false => 0,
        };
    }

    /// Notes the end of a rest before which it followed, and how long it took to wake up from it.
    pub(super) fn followed(&mut self, delay: Duration) {
        if delay > LATE {
            *self = Following {
                limit: MOST.min(4 * self.limit),
                ..Following::new()
            };
            return;
        }
        self.prompt += 1;
        if self.prompt == MANY {
            self.prompt = 0;
            self.limit = LEAST.max(self.limit / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: Duration = Duration::from_micros(10);

    /// The number of short rests until the worker follows.
    fn rests(following: &mut Following) -> u32 {
        let mut rests = 0;
        while !following.is_due() {
            following.rested(true);
            rests += 1;
        }
        rests
    }

    #[test]
    fn a_worker_follows_after_short_rests_in_a_row_and_for_as_long_as_it_is_prompt() {
        let mut following = Following::new();
        (0..3).for_each(|_| following.rested(true));
        following.rested(false);
        assert_eq!(rests(&mut following), 4);
        (0..1_000).for_each(|_| following.followed(PROMPT));
        assert!(following.is_due());
    }

    #[test]
    fn a_worker_that_was_late_follows_ever_less_often() {
        let mut following = Following::new();
        let mut counts = Vec::new();
        for _ in 0..9 {
            counts.push(rests(&mut following));
            following.followed(2 * LATE);
        }
        assert_eq!(counts, [4, 16, 64, 256, 1_024, 4_096, 16_384, MOST, MOST]);
    }

    #[test]
    fn a_few_prompt_wake_ups_do_not_make_up_for_a_late_one_and_many_do() {
        let mut following = Following::new();
        for _ in 0..3 {
            rests(&mut following);
            (0..MANY - 1).for_each(|_| following.followed(PROMPT));
            following.followed(2 * LATE);
        }
        assert_eq!(rests(&mut following), 256);
        (0..2 * MANY).for_each(|_| following.followed(PROMPT));
        following.followed(2 * LATE);
        assert_eq!(rests(&mut following), 64);
    }
}
