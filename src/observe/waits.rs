//! The waits of tasks in each queue, by a recording.

use std::time::Duration;

use super::recording::Recording;

/// How long tasks waited in one queue, from each scheduling to the start of the poll. Made by
/// [`Recording::waits`]. Of a task that was polled again at once, no time is measured: it waited
/// for none.
///
/// ```
/// use laneway::observe::Recorder;
/// use laneway::{Priority, QueueId, Runtime, join_all};
/// use std::sync::Arc;
///
/// let recorder = Arc::new(Recorder::new());
/// let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
/// join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
/// let waits = recorder.recording().waits();
/// let low = &waits[QueueId::LOW.index()];
/// assert_eq!((low.queue.as_str(), low.count), ("low", 100));
/// assert!(low.p50 <= low.p99 && low.p99 <= low.max);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueWaits {
    /// The queue's name.
    pub queue: String,
    /// How many waits there were.
    pub count: usize,
    /// Half of them took no longer than this.
    pub p50: Duration,
    /// 99 of 100 took no longer than this.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Recording {
    /// How long tasks waited, for each queue in the order of
    /// [`QueueId::index`](crate::QueueId::index). [`QueueWaits`] has an example.
    #[must_use]
    pub fn waits(&self) -> Vec<QueueWaits> {
        let mut waits: Vec<Vec<u64>> = vec![Vec::new(); self.shape.queues.len()];
        for poll in self.polls() {
            let queue = poll.taken.map(|taken| taken.queue.index());
            let of_queue = queue.and_then(|queue| waits.get_mut(queue));
            if let Some((of_queue, wait)) = of_queue.zip(poll.waited()) {
                of_queue.push(wait);
            }
        }
        let names = self.shape.queues.iter().cloned();
        names
            .zip(waits)
            .map(|(queue, waits)| QueueWaits::of(queue, waits))
            .collect()
    }
}

impl QueueWaits {
    fn of(queue: String, mut nanos: Vec<u64>) -> QueueWaits {
        nanos.sort_unstable();
        // The smallest that `percent` percent of them do not exceed.
        let percentile = |percent: usize| {
            let rank = (nanos.len() * percent).div_ceil(100).max(1);
            Duration::from_nanos(nanos.get(rank - 1).copied().unwrap_or(0))
        };
        QueueWaits {
            queue,
            count: nanos.len(),
            p50: percentile(50),
            p99: percentile(99),
            max: percentile(100),
        }
    }
}
