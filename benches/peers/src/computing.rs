//! A fixed amount of work for a core.

use std::hint::black_box;
use std::time::Instant;

/// Keeps a core busy.
pub(crate) fn compute(steps: u64) {
    let mut x = black_box(1_u64);
    for _ in 0..steps {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(x);
}

/// How many steps take 2 ms on a core that does nothing else: the best of many tries.
pub(crate) fn steps_in_2_ms() -> u64 {
    const STEPS: u64 = 1_000_000;
    let fastest = (0..200).map(|_| {
        let start = Instant::now();
        compute(STEPS);
        start.elapsed()
    });
    let fastest = fastest.min().expect("there were tries").as_secs_f64();
    (STEPS as f64 * 0.002 / fastest) as u64
}
