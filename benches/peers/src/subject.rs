//! An executor, whichever it is, that can be put through everything that is measured.

use std::time::{Duration, Instant};

use crate::crowd::{self, Crowd};
use crate::executors::Yields;
use crate::figures::Figure;
use crate::harness::{Exercise, Form};
use crate::latency::{self, Load};
use crate::memory::{self, Count};
use crate::turns;

/// What all executors have in common once their types are forgotten.
pub(crate) trait Subject: Sync {
    /// Runs an exercise to its end.
    fn time(&'static self, form: Form, exercise: Exercise) -> Duration;

    /// See [`latency`].
    fn high_latency(&'static self, load: Load) -> Vec<Figure>;

    /// Nanoseconds per task. See [`crowd`].
    fn ns_per_task(&'static self, crowd: Crowd) -> f64;

    /// The same for tasks that nobody awaits, on an executor of one thread.
    fn ns_per_detached_task(&'static self, crowd: Crowd) -> f64;

    /// See [`turns`].
    fn polls_of_others(&'static self, kind: Exercise) -> f64;

    /// See [`memory`].
    fn memory(&'static self, threads: usize, count: Count) -> Vec<Figure>;
}

impl<E: Yields> Subject for E {
    fn time(&'static self, form: Form, exercise: Exercise) -> Duration {
        let start = Instant::now();
        exercise.run(form, self);
        start.elapsed()
    }

    fn high_latency(&'static self, load: Load) -> Vec<Figure> {
        latency::measure(self, load)
    }

    fn ns_per_task(&'static self, crowd: Crowd) -> f64 {
        crowd::ns_per_task(self, crowd)
    }

    fn ns_per_detached_task(&'static self, crowd: Crowd) -> f64 {
        crowd::ns_per_detached_task(self, crowd)
    }

    fn polls_of_others(&'static self, kind: Exercise) -> f64 {
        turns::polls_of_others(self, kind)
    }

    fn memory(&'static self, threads: usize, count: Count) -> Vec<Figure> {
        memory::measure(self, threads, count)
    }
}
