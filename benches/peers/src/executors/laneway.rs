//! Laneway, in three set-ups.

use std::future::Future;
use std::time::{Duration, Instant};

use laneway::time::{self, Sleep};
use laneway::{Priority, Runtime, Task};

use super::{Executor, Handle, Lane, Sleeps, Yields};

pub(crate) struct Laneway(Runtime);

impl Laneway {
    /// All threads on one channel.
    pub(crate) fn one_queue(threads: usize) -> Laneway {
        let builder = Runtime::builder()
            .with_high_num(0)
            .with_low_num(threads)
            .with_local_queues(false);
        Laneway(builder.build().expect("the threads start"))
    }

    /// One half of the threads high, the other low and nice, the high ones taking from the low
    /// queue, and two that stand by, as by default on two cores.
    pub(crate) fn default_queues(threads: usize) -> Laneway {
        let builder = Runtime::builder()
            .with_high_num(threads / 2)
            .with_low_num(threads - threads / 2);
        Laneway(builder.build().expect("the threads start"))
    }

    /// As many high as low threads; neither takes from the other queue, and the kernel prefers
    /// the high ones.
    pub(crate) fn latency_first(threads: usize) -> Laneway {
        let builder = Runtime::builder()
            .latency_first()
            .with_high_num(threads)
            .with_low_num(threads);
        Laneway(builder.build().expect("the threads start"))
    }
}

fn priority(lane: Lane) -> Priority {
    match lane {
        Lane::High => Priority::High,
        Lane::Default | Lane::Low => Priority::Low,
    }
}

impl Executor for Laneway {
    type Task<T: Send + 'static> = Task<T>;

    #[inline]
    fn spawn<F>(&'static self, lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future, priority(lane))
    }

    #[inline]
    fn spawn_inside<F>(&'static self, lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        laneway::spawn(future, priority(lane))
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}

impl Yields for Laneway {
    #[inline]
    fn yield_now() -> impl Future<Output = ()> + Send + 'static {
        laneway::yield_now()
    }
}

impl Sleeps for Laneway {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        time::sleep(duration)
    }

    fn sleep_until(deadline: Instant) -> Sleep {
        time::sleep_until(deadline)
    }
}

impl<T: Send + 'static> Handle<T> for Task<T> {
    fn detach(self) {
        Task::detach(self);
    }
}
