//! A high and a low consumer take steps in turn, on one thread. Which runs what?

use chapter_05::{spawn_on, step};
use futures_lite::future::yield_now;

/// Two stretches of work with a yield between them.
async fn in_two_stretches(name: &'static str) {
    println!("  {name} begins");
    yield_now().await;
    println!("  {name} ends");
}

fn main() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    spawn_on(&high, in_two_stretches("Hanna, high")).detach();
    spawn_on(&low, in_two_stretches("Leo, low")).detach();
    spawn_on(&low, in_two_stretches("Lisa, low")).detach();

    for turn in 1..=4 {
        println!("turn {turn}, high consumer");
        println!("  -> {:?}", step(&high_tasks, &low_tasks));
        println!("turn {turn}, low consumer");
        println!("  -> {:?}", step(&low_tasks, &high_tasks));
    }
}
