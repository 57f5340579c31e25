//! The report of a worker at its end.

use std::fmt;

use crate::job_id::JobId;

/// The fate of a worker's jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it says which jobs were left"]
pub struct WorkerReport {
    /// Attempts that ended by themselves since the worker's start, whatever came of them.
    pub finished: u64,
    /// Jobs that went back without charge since the worker's start.
    pub returned: u64,
    /// Leases that were lost since the worker's start.
    pub leases_lost: u64,
    /// Jobs whose handlers were stopped at the deadline, and that went back without charge.
    pub stopped: Vec<LeftJob>,
    /// Jobs that could not even go back, or whose handlers had ended and whose ends could not be
    /// written: they run again when their leases end, charged.
    pub cut_off: Vec<LeftJob>,
}

/// A job that a worker left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftJob {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
}

impl WorkerReport {
    /// Whether every handler ended by itself, and all ends are written.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.stopped.is_empty() && self.cut_off.is_empty()
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} finished, {} returned", self.finished, self.returned)?;
        if self.leases_lost > 0 {
            write!(f, ", {} leases lost", self.leases_lost)?;
        }
        for (jobs, fate) in [(&self.stopped, "stopped"), (&self.cut_off, "cut off")] {
            for job in jobs {
                write!(f, "\n{fate}: {} {}", job.kind, job.id)?;
            }
        }
        Ok(())
    }
}
