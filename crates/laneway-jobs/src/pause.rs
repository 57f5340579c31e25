//! Pauses between looks: from 250 ms to 2 s, with jitter.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);

/// Grows with each look that found nothing, so that many waiting callers do not look in step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Pause {
        Pause(SHORTEST)
    }
}

impl Pause {
    /// Between half of the present length and all of it.
    pub(crate) fn next(&mut self) -> Duration {
        let length = self.0;
        self.0 = (length * 2).min(LONGEST);
        length.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
