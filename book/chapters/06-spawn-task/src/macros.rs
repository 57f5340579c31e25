//! The macro at the counter: it takes any future.

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
