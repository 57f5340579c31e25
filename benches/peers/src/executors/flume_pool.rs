//! The pool of the book's third chapter: async-task, one flume channel, and threads that block
//! on it. What a runtime is before anybody optimises it.

use std::future::Future;
use std::thread;

use async_task::Runnable;

use super::{Executor, Lane};

pub(crate) struct FlumePool {
    queue: flume::Sender<Runnable>,
    /// Where high tasks go, if not to the same.
    high: Option<flume::Sender<Runnable>>,
}

impl FlumePool {
    pub(crate) fn start(threads: usize) -> FlumePool {
        FlumePool {
            queue: pool(threads, || {}),
            high: None,
        }
    }

    /// As many threads for high tasks, which do nothing but block on their channel, as for the
    /// others, at niceness 19: what the kernel takes to wake a thread, and little more.
    pub(crate) fn two_niced(threads: usize) -> FlumePool {
        FlumePool {
            queue: pool(threads, crate::nice::lower_this_thread),
            high: Some(pool(threads, || {})),
        }
    }

    fn queue(&self, lane: Lane) -> &flume::Sender<Runnable> {
        match (&self.high, lane) {
            (Some(high), Lane::High) => high,
            _ => &self.queue,
        }
    }
}

fn pool(threads: usize, on_start: fn()) -> flume::Sender<Runnable> {
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
