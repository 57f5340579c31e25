//! What an executor costs while it has nothing to do: every context switch is a thread that
//! woke up for nothing.
//!
//! Linux counts for each thread. Elsewhere there are no figures.

use std::fs;
use std::process;
use std::thread;
use std::time::Duration;

use crate::figures::Figure;
use crate::harness::{Exercise, Form};
use crate::subject::Subject;

const IDLE_S: u64 = 10;

/// What the threads of this process have done so far, all but the main one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    threads: u64,
    pub(crate) context_switches: u64,
    pub(crate) cpu_ns: u64,
}

/// Lets an executor work a little, gives it a second to settle, and watches it idle.
pub(crate) fn measure(subject: &'static dyn Subject) -> Vec<Figure> {
    subject.time(Form::Awaited, Exercise::SpawnMany);
    thread::sleep(Duration::from_secs(1));
    let Some(before) = Spent::so_far() else {
        return Vec::new();
    };
    thread::sleep(Duration::from_secs(IDLE_S));
    let after = Spent::so_far().expect("it could be read ten seconds ago");
    let switches = after.context_switches - before.context_switches;
    let cpu_ns = after.cpu_ns - before.cpu_ns;
    vec![
        Figure::new("threads", after.threads as f64),
        Figure::new("switches/s", switches as f64 / IDLE_S as f64),
        Figure::new("cpu us/s", cpu_ns as f64 / 1e3 / IDLE_S as f64),
    ]
}

impl Spent {
    pub(crate) fn so_far() -> Option<Spent> {
        let mut spent = Spent::default();
        for thread in fs::read_dir("/proc/self/task").ok()? {
            let thread = thread.ok()?;
            if thread.file_name().to_str() == Some(&process::id().to_string()) {
                continue;
            }
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            spent.threads += 1;
            spent.context_switches += context_switches(&status);
            spent.cpu_ns += schedstat.split(' ').next()?.parse::<u64>().ok()?;
        }
        Some(spent)
    }
}

fn context_switches(status: &str) -> u64 {
    let counts = status.lines().filter_map(|line| {
        let (name, count) = line.split_once(':')?;
        name.ends_with("voluntary_ctxt_switches")
            .then(|| count.trim().parse::<u64>().ok())?
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_context_switches_count() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(context_switches(status), 42);
    }
}
