//! A task is spawned before the runtime is configured.

use chapter_08::{Runtime, join, spawn_task};

fn main() {
    // In some library, long before main gets to configure anything.
    let early = spawn_task!(async { "done" });

    let configured = Runtime::new().with_high_num(3).with_low_num(2).try_run();
    println!("configured: {configured:?}");
    if let Err(error) = configured {
        println!("{error}");
    }
    println!("low consumers: {}, not 2", Runtime::configuration().low);
    println!("the task: {:?}", join!(early));

    let none = Runtime::new().with_low_num(0).check();
    println!("without low consumers: {none:?}");
}
