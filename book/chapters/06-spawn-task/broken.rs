//! The macro with names that mean what they mean to its caller.

/// Spawns a future as a task, a low one unless a priority is given.
macro_rules! spawn_task {
    ($future:expr $(,)?) => {
        spawn($future, Priority::Low)
    };
    ($future:expr, $priority:expr $(,)?) => {
        spawn($future, $priority)
    };
}

pub(crate) use spawn_task;
