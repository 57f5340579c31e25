//! The crate async-runtime, which has three priorities too.

use std::future::Future;
use std::num::NonZeroUsize;

use async_runtime::{Priority, Runtime, RuntimeBuilder, Task};

use super::{Executor, Handle, Lane, Yields};

pub(crate) struct AsyncRuntime(Runtime);

impl AsyncRuntime {
    pub(crate) fn start(threads: usize) -> AsyncRuntime {
        let threads = NonZeroUsize::new(threads).expect("an executor has threads");
        let runtime = RuntimeBuilder::new(threads).build();
        AsyncRuntime(runtime.expect("the threads start"))
    }
}

fn priority(lane: Lane) -> Priority {
    match lane {
        Lane::Default => Priority::Normal,
        Lane::High => Priority::High,
        Lane::Low => Priority::Background,
    }
}

impl Executor for AsyncRuntime {
    type Task<T: Send + 'static> = Task<T>;

    #[inline]
    fn spawn<F>(&'static self, lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = self.0.spawn(priority(lane), future);
        task.expect("the runtime has not been shut down")
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }
}

impl Yields for AsyncRuntime {}

impl<T: Send + 'static> Handle<T> for Task<T> {
    fn detach(self) {
        Task::detach(self);
    }
}
