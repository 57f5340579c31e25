//! What a reader's runtime can be asked to do.

use std::future::Pending;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::outcome::UNWRITTEN;

/// A runtime as far as it is built. Each method names the chapter that builds it; those that you
/// leave out fail the checks of that chapter and of no other.
///
/// The methods have no `self`: the book's runtime is one for the whole process. If yours is a
/// value, keep one in a `static`.
pub trait Runtime {
    /// Chapter 2: what `spawn` gives. Awaiting it gives the output, or goes on with the panic of
    /// the task; dropping it cancels the task. Until then [`NotBuilt`].
    type Task<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Chapter 1: runs a future on this thread until it is ready.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Chapter 1: a letter: what sends its value, and the future that waits for it. A runtime that
    /// has none, as the default, passes the checks of letters.
    fn letter<T: Send + 'static>() -> Option<(
        impl FnOnce(T) + Send + 'static,
        impl Future<Output = T> + Send + 'static,
    )> {
        None::<(fn(T), Pending<T>)>
    }

    /// Chapter 2: puts a future into the queue. From chapter 4 on, into the low one.
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        drop(future);
        not_built(2, "spawn")
    }

    /// Chapter 2: a queue without consumers: what spawns on it, and what runs the task at its front
    /// and tells whether there was one. A runtime that has none, as the default, passes the check
    /// of it.
    fn queue_by_hand() -> Option<(
        impl FnMut(BoxedFuture) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        None::<(fn(BoxedFuture), fn() -> bool)>
    }

    /// Chapter 3: a future that is ready after this time. A runtime that has none, as the default,
    /// passes the check of it.
    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        let _ = time;
        None::<Pending<()>>
    }

    /// Chapter 3: how many threads run what `spawn` puts into its queue. In chapter 4 these are the
    /// consumers of the low queue; from chapter 5 on all consumers do.
    fn consumers() -> usize {
        not_built(3, "consumers")
    }

    /// Chapter 4: how many threads take tasks from the queue of this priority first.
    fn consumers_of(priority: Priority) -> usize {
        let _ = priority;
        not_built(4, "consumers_of")
    }

    /// Chapter 4: puts a future into the queue of this priority.
    fn spawn_at<F>(future: F, priority: Priority) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let _ = (future, priority);
        not_built(4, "spawn_at")
    }

    /// Chapter 5: the longest time for which a consumer rests before it looks at the other queue.
    /// Only if it is not a tenth of a second.
    fn nap() -> Duration {
        Duration::from_millis(100)
    }

    /// Chapter 5: two queues without consumers: what spawns on the one of a priority, and what is one
    /// step of a high consumer and tells whether it ran a task. A runtime that has none, as the
    /// default, passes the check of it.
    fn step_by_hand() -> Option<(
        impl FnMut(BoxedFuture, Priority) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        None::<(fn(BoxedFuture, Priority), fn() -> bool)>
    }

    /// Chapter 6: `spawn_task!(future)`, with your macro.
    fn spawn_task<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        drop(future);
        not_built(6, "spawn_task")
    }

    /// Chapter 6: `spawn_task!(future, priority)`, with your macro.
    fn spawn_task_at<F>(future: F, priority: Priority) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let _ = (future, priority);
        not_built(6, "spawn_task_at")
    }

    /// Chapter 7: waits for all of these tasks, and gives their outputs in the order of the
    /// argument. Goes on with the first panic.
    fn join<T: Send + 'static>(tasks: Vec<Self::Task<T>>) -> Vec<T> {
        drop(tasks);
        not_built(7, "join")
    }

    /// Chapter 7: as `join`, with the message of each task's panic as an error.
    fn try_join<T: Send + 'static>(tasks: Vec<Self::Task<T>>) -> Vec<Result<T, String>> {
        drop(tasks);
        not_built(7, "try_join")
    }

    /// Chapter 7: `join!(first, second, third)`, with your macro, which gives what `join` gives.
    fn join_three<T: Send + 'static>(tasks: [Self::Task<T>; 3]) -> Vec<T> {
        drop(tasks);
        not_built(7, "join_three")
    }

    /// Chapter 7: `try_join!(first, second, third)`, with your macro, which gives what `try_join`
    /// gives.
    fn try_join_three<T: Send + 'static>(tasks: [Self::Task<T>; 3]) -> Vec<Result<T, String>> {
        drop(tasks);
        not_built(7, "try_join_three")
    }

    /// Chapter 7: as `join`, for async code: it waits and does not block.
    fn gather<T>(tasks: Vec<Self::Task<T>>) -> impl Future<Output = Vec<T>> + Send + 'static
    where
        T: Send + 'static,
    {
        drop(tasks);
        async { not_built(7, "gather") }
    }

    /// Chapter 8: whether your builder accepts these numbers of consumers. It does not start
    /// anything.
    fn accepts(high: usize, low: usize) -> bool {
        let _ = (high, low);
        not_built(8, "accepts")
    }

    /// Chapter 8: how many high consumers your builder gives a machine with this number of cores if
    /// the program does not say. It does not start anything.
    fn high_for(cores: usize) -> usize {
        let _ = cores;
        not_built(8, "high_for")
    }

    /// Chapter 8: starts the runtime of this process with these numbers of consumers, unless it runs
    /// already. Tells whether it was started.
    fn start_with(high: usize, low: usize) -> bool {
        let _ = (high, low);
        not_built(8, "start_with")
    }

    /// Chapter 9: lets a task run on without its handle.
    fn detach<T: Send + 'static>(task: Self::Task<T>) {
        drop(task);
        not_built(9, "detach")
    }

    /// Chapter 9: starts a process that calls `work` again and again, with a yield in between, for as
    /// long as the runtime runs.
    fn start_process(work: impl FnMut() + Send + 'static) {
        drop(work);
        not_built(9, "start_process")
    }
}

/// A future without an output, of any type.
pub type BoxedFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How urgent a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A caller waits for it.
    High,
    /// It may take its time.
    Low,
}

/// Panics with the words of the macro that stands for code to be written, by which a report tells
/// what is missing from what is wrong.
fn not_built(chapter: u32, method: &str) -> ! {
    panic!("{UNWRITTEN}: `{method}` of chapter {chapter}")
}

/// The task type of a runtime that cannot spawn yet. There is no value of it.
#[derive(Debug)]
pub struct NotBuilt<T> {
    never: Never,
    output: PhantomData<fn() -> T>,
}

#[derive(Clone, Copy, Debug)]
enum Never {}

impl<T> Future for NotBuilt<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        match self.never {}
    }
}
