//! The pool of the book's third chapter: async-task, one flume channel, and threads that block
//! on it. What a runtime is before anybody optimises it.

use std::future::Future;
use std::thread;

use async_task::Runnable;

use super::{Executor, Lane};

pub(crate) struct FlumePool {
    queue: flume::Sender<Runnable>,
}

impl FlumePool {
    pub(crate) fn start(threads: usize) -> FlumePool {
        let (queue, tasks) = flume::unbounded::<Runnable>();
        for _ in 0..threads {
            let tasks = tasks.clone();
            thread::spawn(move || {
                while let Ok(task) = tasks.recv() {
                    task.run();
                }
            });
        }
        FlumePool { queue }
    }
}

impl Executor for FlumePool {
    type Task<T: Send + 'static> = async_task::Task<T>;

    fn spawn<F>(&'static self, _lane: Lane, future: F) -> async_task::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let schedule = |task| self.queue.send(task).expect("the threads hold receivers");
        let (runnable, task) = async_task::spawn(future, schedule);
        runnable.schedule();
        task
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }
}
