//! The numbers that a program draws from fastrand in a simulation.

/// Seeds this thread's generator, which programs and combinators draw from, until this is dropped.
/// The thread's own numbers then go on where they were.
#[must_use]
pub(super) struct Chance {
    outer: u64,
}

impl Chance {
    /// For the thread that makes the program. Drawn apart from the seed's own numbers, which decide
    /// the schedule: a program whose draws went along with its schedule would try less.
    pub(super) fn for_making(seed: u64) -> Chance {
        Chance::new(fastrand::Rng::with_seed(!seed).u64(..))
    }

    pub(super) fn new(seed: u64) -> Chance {
        let outer = fastrand::get_seed();
        fastrand::seed(seed);
        Chance { outer }
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        fastrand::seed(self.outer);
    }
}
