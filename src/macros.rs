//! The three macros. Each is a thin coat over a function of the same crate.

use crate::task::Task;

/// The arguments of `join!` and `try_join!`: a [`Task`] alone. The trait exists for the compiler's
/// messages.
#[diagnostic::on_unimplemented(
    message = "`join!` and `try_join!` take tasks, and `{Self}` is not one",
    label = "not a task: write `spawn_task!(...)` around a future",
    note = "to wait for futures without spawning them: `futures_lite::future::zip(a, b).await`"
)]
pub trait Joined<T> {
    #[doc(hidden)]
    fn task(self) -> Task<T>;
}

impl<T> Joined<T> for Task<T> {
    fn task(self) -> Task<T> {
        self
    }
}

/// Hands a task on: the compiler's message points at the argument that is not a task.
#[doc(hidden)]
pub fn joined<T>(task: impl Joined<T>) -> Task<T> {
    task.task()
}

/// Spawns a future as a task and gives its [`Task`](crate::Task).
///
/// The future is anything that implements `Future + Send + 'static`: an async block, the call of
/// an async fn, a value of your own type. The task is a low one unless a priority is given. In
/// place of the priority, the name of a further queue may stand.
///
/// ```
/// use laneway::{Priority, Runtime, join, spawn_task};
///
/// async fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// let low = spawn_task!(double(1));
/// let high = spawn_task!(async { 4 }, Priority::High);
/// let own = spawn_task!(std::future::ready(6), Priority::Low);
/// assert_eq!(join!(low, high, own), [2, 4, 6]);
///
/// // On a runtime of your own, and on a further queue of it:
/// let rt = Runtime::builder().with_queue("network", 1, &[]).build()?;
/// let here = spawn_task!(double(4), Priority::Low, rt);
/// let there = spawn_task!(double(5), "network", rt);
/// assert_eq!(join!(here, there), [8, 10]);
/// # Ok::<(), laneway::BuildError>(())
/// ```
///
/// A name goes first. It is any text, a `String` or an `Arc<str>` too, and shows in errors, in the
/// log and to observers, as [`Runtime::named`](crate::Runtime::named) tells:
///
/// ```
/// use laneway::{Priority, join, spawn_task};
///
/// let parser = spawn_task!(name = "parser", async { 1 });
/// let writer = spawn_task!(name = format!("writer {}", 2), async { 2 }, Priority::High);
/// assert_eq!(writer.name().as_deref(), Some("writer 2"));
/// assert_eq!(join!(parser, writer), [1, 2]);
/// ```
///
/// Inside a task it spawns on the runtime that runs the task, inside
/// [`Runtime::block_on`](crate::Runtime::block_on) on that runtime, elsewhere on the process-wide
/// one, which is started with defaults on first use. It expands to a call of
/// [`spawn`](crate::spawn), with a name to one of
/// [`named(name).spawn`](crate::NamedSpawn::spawn):
///
/// ```
/// use laneway::{Priority, spawn_task};
///
/// let written = spawn_task!(async { 1 }, Priority::High);
/// let meant = laneway::spawn(async { 1 }, Priority::High);
/// # assert_eq!(laneway::join!(written, meant), [1, 1]);
/// ```
///
/// # Panics
///
/// As [`spawn`](crate::spawn).
#[doc(alias = "spawn")]
#[macro_export]
macro_rules! spawn_task {
    // With a name. These come first, since `name = "..."` would be an expression as well.
    (name = $name:expr, $future:expr $(,)?) => {
        $crate::named($name).spawn($future, $crate::Priority::Low)
    };
    (name = $name:expr, $future:expr, $queue:expr $(,)?) => {
        $crate::named($name).spawn($future, $queue)
    };
    (name = $name:expr, $future:expr, $queue:expr, $runtime:expr $(,)?) => {
        $runtime.named($name).spawn($future, $queue)
    };
    (name = $name:expr $(,)?) => {
        ::core::compile_error!(
            "spawn_task! needs a future after the name: \
             spawn_task!(name = \"parser\", async { ... })"
        )
    };
    (name = $($wrong:tt)*) => {
        ::core::compile_error!(
            "spawn_task! takes a name, a future, then a priority or a queue's name, then a \
             runtime: spawn_task!(name = \"parser\", future, Priority::High, rt)"
        )
    };
    ($future:expr, name = $($rest:tt)*) => {
        ::core::compile_error!(
            "spawn_task! takes the name first: spawn_task!(name = \"parser\", future)"
        )
    };
    // Without.
    ($future:expr $(,)?) => {
        $crate::spawn($future, $crate::Priority::Low)
    };
    ($future:expr, $queue:expr $(,)?) => {
        $crate::spawn($future, $queue)
    };
    ($future:expr, $queue:expr, $runtime:expr $(,)?) => {
        $runtime.spawn($future, $queue)
    };
    () => {
        ::core::compile_error!("spawn_task! needs a future: spawn_task!(async { ... })")
    };
    ($($too_many:tt)*) => {
        ::core::compile_error!(
            "spawn_task! takes a future, then a priority or a queue's name, then a runtime: \
             spawn_task!(future, Priority::High, rt)"
        )
    };
}

/// Blocks this thread until all tasks have ended, and gives a `Vec` of their outputs in the order
/// of the arguments.
///
/// All tasks have the same type of output. The tasks run at the same time, so it takes as long as
/// the slowest. On a worker thread, another thread takes the worker's place meanwhile; in async
/// code, awaiting the tasks is cheaper. For tasks that are in a collection there is
/// [`join_all`](crate::join_all), which this calls:
///
/// ```
/// use laneway::{join, join_all, spawn_task};
///
/// let (a, b) = (spawn_task!(async { 1 }), spawn_task!(async { 2 }));
/// let outputs: Vec<i32> = join!(a, b);
/// assert_eq!(outputs, [1, 2]);
///
/// let (a, b) = (spawn_task!(async { 1 }), spawn_task!(async { 2 }));
/// assert_eq!(join_all([a, b]), [1, 2]);
/// ```
///
/// # Panics
///
/// As [`join_all`](crate::join_all): with the panic of the first task that panicked.
#[macro_export]
macro_rules! join {
    ($($task:expr),+ $(,)?) => {
        $crate::join_all([$($crate::__joined($task)),+])
    };
    () => {
        ::core::compile_error!("join! needs at least one task: join!(task)")
    };
}

/// Blocks this thread until all tasks have ended, and gives a `Vec` with a `Result` for each, in
/// the order of the arguments. A panic or cancellation is a [`JoinError`](crate::JoinError).
///
/// Otherwise as [`join!`](crate::join!). It calls [`try_join_all`](crate::try_join_all). Unlike
/// the macro of that name in other crates, it does not stop at the first error: every task runs
/// to its end.
///
/// ```
/// use laneway::{JoinError, spawn_task, try_join};
///
/// let fine = spawn_task!(async { 1 });
/// let broken = spawn_task!(async { if true { panic!("a bug") } else { 2 } });
/// let results: Vec<Result<i32, JoinError>> = try_join!(fine, broken);
/// assert_eq!(*results[0].as_ref().unwrap(), 1);
/// assert!(results[1].as_ref().unwrap_err().is_panic());
/// ```
#[macro_export]
macro_rules! try_join {
    ($($task:expr),+ $(,)?) => {
        $crate::try_join_all([$($crate::__joined($task)),+])
    };
    () => {
        ::core::compile_error!("try_join! needs at least one task: try_join!(task)")
    };
}
