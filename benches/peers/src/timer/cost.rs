//! Wall time, and the processor time of all threads of the process.

use std::time::{Duration, Instant};

use crate::figures::Figure;

/// Runs from its start.
pub(crate) struct Stopwatch {
    started: Instant,
    cpu: Option<Duration>,
}

/// What one sleep cost, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    wall_ns: f64,
    /// None where the system does not tell.
    pub(crate) cpu_ns: Option<f64>,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch {
            cpu: cpu_time(),
            started: Instant::now(),
        }
    }

    /// Shares what was spent so far among so many sleeps.
    pub(crate) fn shared_by(&self, sleeps: usize) -> Cost {
        // A tenth of a nanosecond is all that can be told apart.
        let each =
            |spent: Duration| (spent.as_nanos() as f64 * 10.0 / sleeps as f64).round() / 10.0;
        let wall_ns = each(self.started.elapsed());
        let cpu = self.cpu.zip(cpu_time());
        Cost {
            wall_ns,
            cpu_ns: cpu.map(|(before, after)| each(after - before)),
        }
    }
}

impl Cost {
    pub(crate) fn figures(self, name: &str) -> Vec<Figure> {
        let wall = Figure::new(format!("{name} wall ns"), self.wall_ns);
        let cpu = self.cpu_ns;
        let cpu = cpu.map(|ns| Figure::new(format!("{name} cpu ns"), ns));
        [wall].into_iter().chain(cpu).collect()
    }
}

/// What the process has used of the processors so far. Linux only.
fn cpu_time() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(spent).ok()
    }
    #[cfg(not(target_os = "linux"))]
    None
}
