//! bevy_tasks' `TaskPool`, which a game engine runs on.

use std::future::Future;

use bevy_tasks::{Task, TaskPool, TaskPoolBuilder};

use super::{Executor, Lane, Yields};

pub(crate) struct Bevy(TaskPool);

impl Bevy {
    pub(crate) fn start(threads: usize) -> Bevy {
        Bevy(TaskPoolBuilder::new().num_threads(threads).build())
    }
}

impl Executor for Bevy {
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
        bevy_tasks::block_on(future)
    }
}

impl Yields for Bevy {}
