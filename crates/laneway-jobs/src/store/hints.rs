//! Hints after a commit: which queue has got jobs, which jobs are settled, that schedules changed.
//!
//! A hint may be lost or come for nothing. It makes a look come sooner and is never the reason
//! why a job runs: a listener looks at the store before it waits, and again at its own time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};

use super::insert::NewJob;
use super::pickup::{HandedOver, Pickup, queue_of};
use crate::job_id::JobId;
use crate::lock::unpoisoned;

/// Where a store hints at its commits, and workers and waiting callers listen.
#[derive(Debug, Default)]
pub struct Hints {
    queues: Mutex<BTreeMap<String, Vec<flume::Sender<()>>>>,
    jobs: Arc<Waiting>,
    schedules: Mutex<Vec<flume::Sender<()>>>,
    pickups: Mutex<BTreeMap<String, Vec<Weak<Pickup>>>>,
}

/// Those that wait for a job, each under a number of its own.
#[derive(Debug, Default)]
struct Waiting {
    senders: Mutex<BTreeMap<(JobId, u64), flume::Sender<()>>>,
    next: AtomicU64,
}

/// The place of one that waits. It is free again when this is dropped: a caller may look for its
/// job many times before there is a hint.
#[derive(Debug)]
struct Place {
    waiting: Arc<Waiting>,
    key: (JobId, u64),
}

impl Drop for Place {
    fn drop(&mut self) {
        unpoisoned(self.waiting.senders.lock()).remove(&self.key);
    }
}

/// The listening end. It holds one hint at most; further ones add nothing.
#[derive(Debug)]
pub struct Listener {
    hints: flume::Receiver<()>,
    #[expect(dead_code, reason = "the place is free when it is dropped")]
    place: Option<Place>,
}

impl Listener {
    /// Waits for a hint that came since the last one was taken.
    ///
    /// # Cancellation
    ///
    /// A hint that has not been taken stays.
    pub async fn hinted(&self) {
        if self.hints.recv_async().await.is_err() {
            // The store is gone; only the listener's own time is left.
            std::future::pending::<()>().await;
        }
    }
}

impl Hints {
    /// Listens for jobs in a queue.
    #[must_use]
    pub fn listen(&self, queue: &str) -> Listener {
        let (sender, hints) = flume::bounded(1);
        let mut queues = unpoisoned(self.queues.lock());
        queues.entry(queue.to_owned()).or_default().push(sender);
        Listener { hints, place: None }
    }

    /// Listens for the settlement of a job.
    #[must_use]
    pub fn listen_for(&self, job: JobId) -> Listener {
        let (sender, hints) = flume::bounded(1);
        let waiting = self.jobs.clone();
        let key = (job, waiting.next.fetch_add(1, Relaxed));
        unpoisoned(waiting.senders.lock()).insert(key, sender);
        let place = Some(Place { waiting, key });
        Listener { hints, place }
    }

    /// Listens for changes of schedules.
    #[must_use]
    pub fn listen_to_schedules(&self) -> Listener {
        let (sender, hints) = flume::bounded(1);
        unpoisoned(self.schedules.lock()).push(sender);
        Listener { hints, place: None }
    }

    /// A pickup for a claimer of this queue.
    pub(crate) fn pickup(&self, queue: &str) -> Arc<Pickup> {
        let pickup = Arc::new(Pickup::default());
        let mut pickups = unpoisoned(self.pickups.lock());
        let of_queue = pickups.entry(queue.to_owned()).or_default();
        of_queue.retain(|other| other.strong_count() > 0);
        of_queue.push(Arc::downgrade(&pickup));
        pickup
    }

    /// Hands jobs over to a claimer of this process that is at rest. `None` where there is none, or
    /// the jobs are not such as can be taken along.
    pub(crate) fn hand_over(&self, jobs: &[NewJob]) -> Option<HandedOver> {
        let pickups = unpoisoned(self.pickups.lock());
        let of_queue = pickups.get(queue_of(jobs)?)?;
        let mut there = of_queue.iter().filter_map(Weak::upgrade);
        there.find_map(|pickup| pickup.hand_over(jobs))
    }

    /// Hints that schedules have changed.
    pub fn schedules_changed(&self) {
        let mut schedules = unpoisoned(self.schedules.lock());
        schedules.retain(|sender| !hint(sender).is_gone());
    }

    /// Hints that a queue may have jobs that are due.
    pub fn ready(&self, queue: &str) {
        let mut queues = unpoisoned(self.queues.lock());
        if let Some(senders) = queues.get_mut(queue) {
            senders.retain(|sender| !hint(sender).is_gone());
        }
    }

    /// Hints that all queues may have jobs that are due, and that schedules may have changed.
    pub fn ready_everywhere(&self) {
        let queues = unpoisoned(self.queues.lock());
        queues.values().flatten().for_each(|sender| {
            hint(sender);
        });
        drop(queues);
        self.schedules_changed();
    }

    /// Hints that jobs are settled.
    pub fn settled(&self, ids: impl IntoIterator<Item = JobId>) {
        let senders = unpoisoned(self.jobs.senders.lock());
        if senders.is_empty() {
            return;
        }
        for id in ids {
            let waiting = senders.range((id, 0)..=(id, u64::MAX));
            waiting.for_each(|(_, sender)| {
                hint(sender);
            });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Left,
    Gone,
}

impl Heard {
    fn is_gone(self) -> bool {
        self == Heard::Gone
    }
}

fn hint(sender: &flume::Sender<()>) -> Heard {
    match sender.try_send(()) {
        Err(flume::TrySendError::Disconnected(())) => Heard::Gone,
        Ok(()) | Err(flume::TrySendError::Full(())) => Heard::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_leaves_nothing_behind_and_disturbs_no_other() {
        let hints = Hints::default();
        let (job, other) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        let waiting = [(); 3].map(|()| hints.listen_for(job));
        drop(hints.listen_for(job));
        let unconcerned = hints.listen_for(other);
        assert_eq!(unpoisoned(hints.jobs.senders.lock()).len(), 4);
        hints.settled([job]);
        for listener in &waiting {
            assert!(listener.hints.try_recv().is_ok());
        }
        assert!(unconcerned.hints.try_recv().is_err());
        drop((waiting, unconcerned));
        assert!(unpoisoned(hints.jobs.senders.lock()).is_empty());
    }
}
