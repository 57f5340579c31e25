//! The pool of the book's third chapter: async-task, one flume channel, and threads that block
//! on it. What a runtime is before anybody optimises it.

use std::future::Future;
use std::thread;

use async_task::Runnable;

use super::{Executor, Lane, Yields};
use crate::this_thread;

pub(crate) struct FlumePool {
    queue: flume::Sender<Runnable>,
    /// Where high tasks go, if not to the same: to the one of the core that they come from, of
    /// several.
    high: Vec<flume::Sender<Runnable>>,
}

impl FlumePool {
    pub(crate) fn start(threads: usize) -> FlumePool {
        FlumePool {
            queue: pool(threads, || {}),
            high: Vec::new(),
        }
    }

    /// As many threads for high tasks, which do nothing but block on their channel, as for the
    /// others, at niceness 19: what the kernel takes to wake a thread, and little more.
    pub(crate) fn two_niced(threads: usize) -> FlumePool {
        FlumePool {
            queue: pool(threads, this_thread::lower),
            high: vec![pool(threads, || {})],
        }
    }

    /// The same with each thread for high tasks bound to a core, on a channel of its own, and
    /// called from there: what the kernel takes to wake a thread on the core of the one who wakes
    /// it, and little more.
    pub(crate) fn bound(threads: usize) -> FlumePool {
        let high = (0..threads).map(|core| pool(1, move || this_thread::bind_to(core)));
        FlumePool {
            queue: pool(threads, this_thread::lower),
            high: high.collect(),
        }
    }

    fn queue(&self, lane: Lane) -> &flume::Sender<Runnable> {
        match (&self.high[..], lane) {
            ([], _) | (_, Lane::Default | Lane::Low) => &self.queue,
            ([high], Lane::High) => high,
            (high, Lane::High) => &high[this_thread::core() % high.len()],
        }
    }
}

fn pool(threads: usize, on_start: impl Fn() + Copy + Send + 'static) -> flume::Sender<Runnable> {
    let (queue, tasks) = flume::unbounded::<Runnable>();
    for _ in 0..threads {
        let tasks = tasks.clone();
        thread::spawn(move || {
            on_start();
            while let Ok(task) = tasks.recv() {
                task.run();
            }
        });
    }
    queue
}

impl Executor for FlumePool {
    type Task<T: Send + 'static> = async_task::Task<T>;

    #[inline]
    fn spawn<F>(&'static self, lane: Lane, future: F) -> async_task::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let queue = self.queue(lane);
        let schedule = |task| queue.send(task).expect("the threads hold receivers");
        let (runnable, task) = async_task::spawn(future, schedule);
        runnable.schedule();
        task
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }
}

impl Yields for FlumePool {}
