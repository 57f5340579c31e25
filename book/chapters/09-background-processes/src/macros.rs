//! The macros at the counter: one takes any future, two hand over what came of them.

/// Spawns a future as a task, a low one unless a priority is given.
#[macro_export]
macro_rules! spawn_task {
    ($future:expr $(,)?) => {
        $crate::spawn($future, $crate::Priority::Low)
    };
    ($future:expr, $priority:expr $(,)?) => {
        $crate::spawn($future, $priority)
    };
}

/// Blocks this thread until all tasks have ended, and gives a `Vec` of their outputs, in the
/// order of the arguments.
#[macro_export]
macro_rules! join {
    ($($task:expr),+ $(,)?) => {
        $crate::join_all([$($task),+])
    };
}

/// As `join!`, with a `Result` for each task: a panic is an error.
#[macro_export]
macro_rules! try_join {
    ($($task:expr),+ $(,)?) => {
        $crate::try_join_all([$($task),+])
    };
}
