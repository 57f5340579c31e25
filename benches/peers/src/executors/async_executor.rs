//! async-executor: what smol runs on. Its users keep it in a static and run it on threads.

use std::future::{Future, pending};
use std::thread;

use async_executor::{Executor as AsyncExecutor, StaticExecutor, Task};

use super::{Executor, Lane, Yields};

pub(crate) struct Plain(&'static AsyncExecutor<'static>);

impl Plain {
    pub(crate) fn start(threads: usize) -> Plain {
        let executor: &'static AsyncExecutor<'static> = Box::leak(Box::default());
        for _ in 0..threads {
            thread::spawn(|| futures_lite::future::block_on(executor.run(pending::<()>())));
        }
        Plain(executor)
    }
}

impl Executor for Plain {
    type Task<T: Send + 'static> = Task<T>;

    #[inline]
    fn spawn<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }
}

impl Yields for Plain {}

/// The form that keeps no list of its tasks, which only an executor that never ends can do
/// without.
pub(crate) struct Static(&'static StaticExecutor);

impl Static {
    pub(crate) fn start(threads: usize) -> Static {
        let executor: &'static StaticExecutor = Box::leak(Box::new(StaticExecutor::new()));
        for _ in 0..threads {
            thread::spawn(|| futures_lite::future::block_on(executor.run(pending::<()>())));
        }
        Static(executor)
    }
}

impl Executor for Static {
    type Task<T: Send + 'static> = Task<T>;

    #[inline]
    fn spawn<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }
}

impl Yields for Static {}
