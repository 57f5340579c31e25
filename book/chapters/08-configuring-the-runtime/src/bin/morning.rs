//! Two high consumers and a low one, and a task for each of them to meet the others.

use std::sync::{Arc, Barrier};
use std::thread;

use chapter_08::{Runtime, join, spawn_task};
use laneway_book::record::Recorder;

/// Blocks its consumer until there are three, and gives that consumer's name.
async fn meet(name: &str, all: Arc<Barrier>) -> String {
    println!("{name}: here");
    all.wait();
    thread::current().name().unwrap_or("?").to_owned()
}

fn main() {
    let consumers = [("high-0", "high"), ("high-1", "high"), ("low-0", "low")];
    let recorder = Recorder::from_args(&["high", "low"], &consumers);
    Runtime::new().with_high_num(2).with_low_num(1).run();

    let all = Arc::new(Barrier::new(3));
    let a = spawn_task!(recorder.watch("a", "low", meet("a", all.clone())));
    let b = spawn_task!(recorder.watch("b", "low", meet("b", all.clone())));
    let c = spawn_task!(recorder.watch("c", "low", meet("c", all)));
    let mut names = join!(a, b, c);
    names.sort();
    println!("three low tasks met on {names:?}");
    recorder.finish();
}
