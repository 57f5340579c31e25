//! Four arguments after the name; three is the most there are.

use laneway::{Priority, Runtime, spawn_task};

fn main() {
    let rt = Runtime::global();
    spawn_task!(name = "parser", async { 1 }, Priority::High, rt, "network").detach();
}
