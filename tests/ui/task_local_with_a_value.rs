//! A task-local is declared like an ordinary static.

laneway::task_local! {
    static REQUEST: u64 = 1;
}

fn main() {}
