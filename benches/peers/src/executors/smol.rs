//! async-executor with async-io's timer, put together as the crate smol does it: the executor's
//! threads wait in async-io's reactor.

use std::future::{Future, pending};
use std::thread;
use std::time::{Duration, Instant};

use async_executor::{Executor as AsyncExecutor, Task};
use async_io::Timer;

use super::{Executor, Lane, Sleeps, Yields};

pub(crate) struct Smol(&'static AsyncExecutor<'static>);

impl Smol {
    pub(crate) fn start(threads: usize) -> Smol {
        let executor: &'static AsyncExecutor<'static> = Box::leak(Box::default());
        for _ in 0..threads {
            thread::spawn(|| async_io::block_on(executor.run(pending::<()>())));
        }
        Smol(executor)
    }
}

impl Executor for Smol {
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
        async_io::block_on(future)
    }
}

impl Yields for Smol {}

impl Sleeps for Smol {
    type Sleep = Timer;

    fn sleep(duration: Duration) -> Timer {
        Timer::after(duration)
    }

    fn sleep_until(deadline: Instant) -> Timer {
        Timer::at(deadline)
    }
}
