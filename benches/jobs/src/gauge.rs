//! The cost of a phase of work: time, and processor time here and in the server.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::server_time::server_time;

/// Measures phases, and prints their figures for the process that waits for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    /// The first process of the server, where there is one whose processor time can be read.
    pub(crate) server: Option<u32>,
}

/// A moment from which on a phase is measured.
#[derive(Debug)]
pub(crate) struct Begun {
    wall: Instant,
    own: f64,
    server: Option<f64>,
}

/// The cost of a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall_s: f64,
    pub(crate) own_s: f64,
    pub(crate) server_s: Option<f64>,
}

impl Gauge {
    pub(crate) fn begin(self) -> Begun {
        Begun {
            wall: Instant::now(),
            own: own_time(),
            server: self.server.map(server_time),
        }
    }

    pub(crate) fn end(self, begun: &Begun) -> Cost {
        let now = self.server.map(server_time);
        Cost {
            wall_s: begun.wall.elapsed().as_secs_f64(),
            own_s: own_time() - begun.own,
            server_s: now.zip(begun.server).map(|(now, then)| now - then),
        }
    }

    /// Runs a phase of so many jobs and prints what each of them has cost.
    pub(crate) fn phase<T>(self, name: &str, jobs: u32, run: impl FnOnce() -> T) -> T {
        let begun = self.begin();
        let result = run();
        self.end(&begun).print(name, f64::from(jobs));
        result
    }
}

impl Cost {
    /// The processor time in microseconds, of both where both are known.
    pub(crate) fn us_per_job(self, jobs: f64) -> f64 {
        (self.own_s + self.server_s.unwrap_or(0.0)) * 1e6 / jobs
    }

    pub(crate) fn print(self, name: &str, jobs: f64) {
        println!("{name} jobs/s,{}", jobs / self.wall_s);
        println!("{name} us,{}", self.own_s * 1e6 / jobs);
        if let Some(server) = self.server_s {
            println!("{name} server us,{}", server * 1e6 / jobs);
        }
    }
}

/// The processor time of this process, in seconds.
fn own_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_secs_f64()
}
