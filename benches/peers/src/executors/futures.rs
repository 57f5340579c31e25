//! The `ThreadPool` of the futures crates.

use std::future::Future;

use futures_executor::ThreadPool;
use futures_util::future::RemoteHandle;
use futures_util::task::SpawnExt;

use super::{Executor, Handle, Lane, Yields};

pub(crate) struct Futures(ThreadPool);

impl Futures {
    pub(crate) fn start(threads: usize) -> Futures {
        let pool = ThreadPool::builder().pool_size(threads).create();
        Futures(pool.expect("the threads start"))
    }
}

impl Executor for Futures {
    type Task<T: Send + 'static> = RemoteHandle<T>;

    #[inline]
    fn spawn<F>(&'static self, _lane: Lane, future: F) -> RemoteHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = self.0.spawn_with_handle(future);
        task.expect("the pool has not been shut down")
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_executor::block_on(future)
    }
}

impl Yields for Futures {}

impl<T: Send + 'static> Handle<T> for RemoteHandle<T> {
    fn detach(self) {
        self.forget();
    }
}
