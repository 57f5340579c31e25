//! Which jobs have run, and how often.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Counts the runs of jobs that are numbered from 0 on.
#[derive(Debug)]
pub(crate) struct Tally {
    runs: Vec<AtomicU32>,
    begun: AtomicU32,
    all: (flume::Sender<()>, flume::Receiver<()>),
}

impl Tally {
    pub(crate) fn of(jobs: u32) -> Tally {
        Tally {
            runs: (0..jobs).map(|_| AtomicU32::new(0)).collect(),
            begun: AtomicU32::new(0),
            all: flume::bounded(1),
        }
    }

    /// Counts a run.
    pub(crate) fn ran(&self, number: u32) {
        let first = self.runs[number as usize].fetch_add(1, Relaxed) == 0;
        if first && self.begun.fetch_add(1, Relaxed) + 1 == self.runs.len() as u32 {
            let told = self.all.0.try_send(());
            debug_assert!(told.is_ok(), "there is one last job");
        }
    }

    /// Waits until each job has run.
    pub(crate) async fn all_ran(&self) {
        let told = self.all.1.recv_async().await;
        debug_assert!(told.is_ok(), "the tally holds both ends");
    }

    /// The runs beyond the first of each job.
    pub(crate) fn doubled(&self) -> u32 {
        let beyond = |runs: &AtomicU32| runs.load(Relaxed).saturating_sub(1);
        self.runs.iter().map(beyond).sum()
    }
}
