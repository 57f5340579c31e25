//! Find the fault: names are used up at twice the speed.

/// Spawns a low task, and writes its name into a log before and behind that.
macro_rules! spawn_logged {
    ($log:expr, $name:expr, $future:expr $(,)?) => {{
        $log.push(format!("{} is handed in", $name));
        let task = chapter_06::spawn_task!($future);
        $log.push(format!("{} has a ticket", $name));
        task
    }};
}

pub(crate) use spawn_logged;
