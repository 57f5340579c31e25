//! A moment that a thread which spins lets pass, equally long on all processors.
//!
//! The pause that processors offer to such threads, `std::hint::spin_loop`, takes some 10 cycles on
//! some and 140 on others: Intel made it that much longer with Skylake, in 2015, and others differ
//! again. A search that is counted in pauses would so last 5 us here and 20 us there, and where a
//! thread wakes up in 15 us that decides whether the search was in vain. So the pauses of a moment
//! are counted once for each process (T44). The runtime of .NET does the same, and calls it the
//! normalization of its yields.

use std::hint;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a moment is meant to be. The numbers of moments that this crate waits were found by
/// trial, where a pause took this long.
const MOMENT: Duration = Duration::from_nanos(33);

/// More pauses are no moment: the clock is not to be trusted.
const MOST: u32 = 16;

/// How many pauses are timed at once.
const TIMED: u32 = 64;

/// How often: other threads may take the core meanwhile.
const TIMES: u32 = 5;

/// Lets a moment pass.
pub(crate) fn pass() {
    static PAUSES: OnceLock<u32> = OnceLock::new();
    pause(*PAUSES.get_or_init(|| pauses_in_a_moment(time_of_pauses())));
}

fn pause(times: u32) {
    (0..times).for_each(|_| hint::spin_loop());
}

/// The shortest time that [`TIMED`] pauses have taken.
fn time_of_pauses() -> Duration {
    let times = (0..TIMES).map(|_| {
        let begun = Instant::now();
        pause(TIMED);
        begun.elapsed()
    });
    times.min().unwrap_or_default()
}

fn pauses_in_a_moment(timed: Duration) -> u32 {
    let pauses = (TIMED * MOMENT).div_duration_f32(timed).round();
    // A float beyond all numbers becomes the largest one.
    (pauses as u32).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_one_pause_or_more_by_how_long_a_pause_takes() {
        let pauses = |nanos| pauses_in_a_moment(TIMED * Duration::from_nanos(nanos));
        assert_eq!([3, 9, 15, 33, 45, 1000].map(pauses), [11, 4, 2, 1, 1, 1]);
        assert_eq!(pauses(0), MOST);
        assert_eq!(pauses(1), MOST);
    }
}
