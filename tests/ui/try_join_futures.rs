//! Futures beside a task, at the macro that in other crates takes futures.

use laneway::{spawn_task, try_join};

async fn answer() -> u32 {
    42
}

fn main() {
    let task = spawn_task!(answer());
    let results = try_join!(task, answer(), async { 43 });
    drop(results);
}
