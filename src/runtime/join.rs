//! Waiting for tasks from code that is not async.
//!
//! The macros `join!` and `try_join!` call [`join_all`] and [`try_join_all`].

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::panic::Location;
use std::sync::Mutex;

use super::block_on::block_on;
use crate::executor::seat;
use crate::executor::worker::run_joined;
use crate::ground::ids::ExecutorId;
use crate::ground::join_error::JoinError;
use crate::ground::shield::log_warning;
use crate::ground::sync::unpoisoned;
use crate::task::{Kept, Task, is_boxed, unkept};

/// Blocks this thread until all tasks have ended, and gives their outputs in the order of the
/// tasks: what [`join!`](crate::join!) calls, for tasks that are in a collection.
///
/// # On a worker's thread
///
/// In async code, await the tasks instead, which costs no thread: the first time that a call blocks
/// a worker, the log has a warning with its place.
///
/// A call on a worker's thread first polls those of the tasks, once each, that still lie in queues
/// of this worker: within the call, up to 64 calls within each other, and as long as a quarter of
/// the stack is enough. It does so only while no task of a higher priority waits for the worker. So
/// a tree of tasks that join each other takes a number of threads in the order of its depth. Where
/// high tasks join low ones on a [standby](crate::Builder::with_standby), it takes several times
/// that.
/// Nothing can come to a halt by it, since this task waits for those tasks in any case, but a call
/// may come back a little later: when the poll has ended that it is in, although an earlier task
/// has panicked meanwhile.
///
/// For the tasks that are left, another thread stands in for this one until they have ended:
/// [512](crate::Builder::with_stand_ins) at most, or as many as the operating system gives. Beyond
/// that, this thread goes on with the worker's other tasks while it waits.
///
/// A high task raises all low ones among them, as awaiting does. A low task that is raised while it
/// blocks here cannot raise them any more; one that awaits them can.
///
/// # Panics
///
/// Continues the panic of the first task, in that order, that panicked. Panics if a task was
/// cancelled, or if an await of `&mut task` has had its outcome. The tasks after it are cancelled.
///
/// ```
/// use laneway::{join_all, spawn_task};
///
/// let squares = (0..4).map(|n| spawn_task!(async move { n * n }));
/// assert_eq!(join_all(squares), [0, 1, 4, 9]);
/// ```
#[track_caller]
pub fn join_all<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Vec<T> {
    let tasks = begin(tasks, Location::caller());
    match const { is_boxed::<T>() } {
        true => outputs::<T, Box<T>>(tasks),
        false => outputs::<T, T>(tasks),
    }
}

fn outputs<T, K: Kept<T>>(tasks: Vec<Task<T>>) -> Vec<T> {
    block_on(async {
        let mut outputs = Vec::with_capacity(tasks.len());
        for task in tasks {
            let kept = result::<T, K>(task).await;
            let kept = kept.unwrap_or_else(|error| error.throw());
            outputs.push(kept.unkept());
        }
        outputs
    })
}

/// Blocks this thread until all tasks have ended, and gives a `Result` for each in the order of
/// the tasks: what [`try_join!`](crate::try_join!) calls, for tasks that are in a collection.
///
/// # Panics
///
/// If an await of `&mut task` has had the outcome of one of them.
///
/// ```
/// use laneway::{spawn_task, try_join_all};
///
/// let halves = [4_u32, 3].map(|n| {
///     spawn_task!(async move {
///         assert!(n % 2 == 0, "{n} is odd");
///         n / 2
///     })
/// });
/// let results = try_join_all(halves);
/// assert_eq!(*results[0].as_ref().unwrap(), 2);
/// assert!(results[1].as_ref().unwrap_err().to_string().ends_with("3 is odd"));
/// ```
#[track_caller]
pub fn try_join_all<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Vec<Result<T, JoinError>> {
    let tasks = begin(tasks, Location::caller());
    match const { is_boxed::<T>() } {
        true => results::<T, Box<T>>(tasks),
        false => results::<T, T>(tasks),
    }
}

fn results<T, K: Kept<T>>(tasks: Vec<Task<T>>) -> Vec<Result<T, JoinError>> {
    block_on(async {
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            let kept = result::<T, K>(task).await;
            results.push(unkept(kept));
        }
        results
    })
}

/// Awaits a task. Not counted: a thread that blocks for many tasks gives way to nothing between two
/// that have ended.
async fn result<T, K: Kept<T>>(mut task: Task<T>) -> Result<K, JoinError> {
    poll_fn(|cx| task.poll_uncounted::<K>(cx)).await
}

/// Does all of a join but to wait: runs what this thread can run of it.
fn begin<T>(
    tasks: impl IntoIterator<Item = Task<T>>,
    place: &'static Location<'static>,
) -> Vec<Task<T>> {
    let tasks: Vec<Task<T>> = tasks.into_iter().collect();
    let raised = raise(&tasks);
    if tasks.iter().all(Task::is_finished) {
        return tasks;
    }
    warn_if_it_blocks_a_worker(place);
    let unfinished = tasks.iter().filter(|task| !task.is_finished());
    run_joined(unfinished.map(Task::numbers));
    // Not before: other workers would take away what this thread runs itself.
    if tasks.iter().any(|task| !task.is_finished()) {
        raised.into_iter().for_each(seat::find_raised);
    }
    tasks
}

/// Raises the tasks, all of them before the first is waited for, if a high task is to wait. Gives
/// the runtimes of those that were low.
fn raise<T>(tasks: &[Task<T>]) -> BTreeSet<ExecutorId> {
    match seat::runs_high_task() {
        true => tasks.iter().filter_map(Task::raise).collect(),
        false => BTreeSet::new(),
    }
}

/// Says once for each place, and for a bounded number of them, that async code blocks there.
fn warn_if_it_blocks_a_worker(place: &'static Location<'static>) {
    static TOLD: Mutex<BTreeSet<&'static Location<'static>>> = Mutex::new(BTreeSet::new());
    const MOST: usize = 64;
    if !seat::is_worker() {
        return;
    }
    let mut told = unpoisoned(TOLD.lock());
    let is_news = told.len() < MOST && told.insert(place);
    // Unlock before the logger is called: it may join tasks as well.
    drop(told);
    if is_news {
        log_warning(format_args!(
            "join at {place} blocks a worker's thread until its tasks have ended: in async code, \
             await the tasks one after another, or as a TaskGroup"
        ));
    }
}
