//! A solution: a `let` evaluates the argument once, and hygiene keeps its name apart from all others.

/// Spawns a low task, and writes its name into a log before and behind that.
macro_rules! spawn_logged {
    ($log:expr, $name:expr, $future:expr $(,)?) => {{
        let (log, name) = (&mut $log, $name);
        log.push(format!("{name} is handed in"));
        let task = chapter_06::spawn_task!($future);
        log.push(format!("{name} has a ticket"));
        task
    }};
}

pub(crate) use spawn_logged;
