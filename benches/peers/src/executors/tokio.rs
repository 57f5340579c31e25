//! tokio's multi-threaded runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{self, Sleep};

use super::{Executor, Handle, Lane, Sleeps, Yields};

pub(crate) struct Tokio {
    runtime: Runtime,
    /// Where high tasks go, if not to the same.
    high: Option<Runtime>,
}

impl Tokio {
    pub(crate) fn with_drivers(threads: usize) -> Tokio {
        Tokio {
            runtime: build(builder(threads).enable_all()),
            high: None,
        }
    }

    pub(crate) fn bare(threads: usize) -> Tokio {
        Tokio {
            runtime: build(&mut builder(threads)),
            high: None,
        }
    }

    /// As many threads for high tasks as for the others.
    pub(crate) fn two(threads: usize) -> Tokio {
        Tokio {
            runtime: build(&mut builder(threads)),
            high: Some(build(&mut builder(threads))),
        }
    }

    pub(crate) fn two_niced(threads: usize) -> Tokio {
        Tokio {
            runtime: build(builder(threads).on_thread_start(crate::this_thread::lower)),
            high: Some(build(&mut builder(threads))),
        }
    }

    /// Hands a closure to the threads for those that block.
    pub(crate) fn spawn_blocking(&self, closure: impl FnOnce() + Send + 'static) {
        self.runtime.spawn_blocking(closure);
    }

    fn runtime(&self, lane: Lane) -> &Runtime {
        match (&self.high, lane) {
            (Some(high), Lane::High) => high,
            _ => &self.runtime,
        }
    }
}

fn builder(threads: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads);
    builder
}

fn build(builder: &mut Builder) -> Runtime {
    builder.build().expect("the threads start")
}

impl Executor for Tokio {
    type Task<T: Send + 'static> = TokioTask<T>;

    #[inline]
    fn spawn<F>(&'static self, lane: Lane, future: F) -> TokioTask<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        TokioTask(self.runtime(lane).spawn(future))
    }

    #[inline]
    fn spawn_inside<F>(&'static self, lane: Lane, future: F) -> TokioTask<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match (&self.high, lane) {
            (Some(high), Lane::High) => TokioTask(high.spawn(future)),
            _ => TokioTask(tokio::spawn(future)),
        }
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

impl Yields for Tokio {
    #[inline]
    fn yield_now() -> impl Future<Output = ()> + Send + 'static {
        tokio::task::yield_now()
    }
}

impl Sleeps for Tokio {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        time::sleep(duration)
    }

    fn sleep_until(deadline: Instant) -> Sleep {
        time::sleep_until(deadline.into())
    }
}

pub(crate) struct TokioTask<T>(JoinHandle<T>);

impl<T> Future for TokioTask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let ended = Pin::new(&mut self.0).poll(cx);
        ended.map(|ended| ended.expect("no task of a workload panics"))
    }
}

impl<T: Send + 'static> Handle<T> for TokioTask<T> {
    fn detach(self) {
        // tokio's tasks run on when their handle is dropped.
    }
}
