//! Hints after a commit: which queue has got jobs, which jobs are settled, that schedules changed.
//!
//! A hint may be lost or come for nothing. It makes a look come sooner and is never the reason
//! why a job runs: a listener looks at the store before it waits, and again at its own time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use super::insert::NewJob;
use super::pickup::{HandedOver, Pickup, queue_of};
use crate::job_id::JobId;
use crate::lock::unpoisoned;

/// Where a store hints at its commits, and workers and waiting callers listen.
#[derive(Debug, Default)]
pub struct Hints {
    queues: Mutex<BTreeMap<String, Vec<flume::Sender<()>>>>,
    jobs: Mutex<BTreeMap<JobId, Vec<flume::Sender<()>>>>,
    schedules: Mutex<Vec<flume::Sender<()>>>,
    pickups: Mutex<BTreeMap<String, Vec<Weak<Pickup>>>>,
}

/// The listening end. It holds one hint at most; further ones add nothing.
#[derive(Debug)]
pub struct Listener(flume::Receiver<()>);

impl Listener {
    /// Waits for a hint that came since the last one was taken.
    ///
    /// # Cancellation
    ///
    /// A hint that has not been taken stays.
    pub async fn hinted(&self) {
        if self.0.recv_async().await.is_err() {
            // The store is gone; only the listener's own time is left.
            std::future::pending::<()>().await;
        }
    }
}

impl Hints {
    /// Listens for jobs in a queue.
    #[must_use]
    pub fn listen(&self, queue: &str) -> Listener {
        let (sender, listener) = flume::bounded(1);
        let mut queues = unpoisoned(self.queues.lock());
        queues.entry(queue.to_owned()).or_default().push(sender);
        Listener(listener)
    }

    /// Listens for the settlement of a job.
    #[must_use]
    pub fn listen_for(&self, job: JobId) -> Listener {
        let (sender, listener) = flume::bounded(1);
        let mut jobs = unpoisoned(self.jobs.lock());
        // Callers that gave up waiting leave nothing behind for longer than until the next one.
        jobs.retain(|_, senders| senders.iter().any(|sender| !sender.is_disconnected()));
        jobs.entry(job).or_default().push(sender);
        Listener(listener)
    }

    /// Listens for changes of schedules.
    #[must_use]
    pub fn listen_to_schedules(&self) -> Listener {
        let (sender, listener) = flume::bounded(1);
        unpoisoned(self.schedules.lock()).push(sender);
        Listener(listener)
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
        let mut jobs = unpoisoned(self.jobs.lock());
        if jobs.is_empty() {
            return;
        }
        let heard = ids.into_iter().filter_map(|id| jobs.remove(&id));
        heard.flatten().for_each(|sender| {
            hint(&sender);
        });
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
