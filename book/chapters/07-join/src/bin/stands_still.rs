//! Four consumers, and parents that wait for their children. How many parents are too many?

use async_task::Runnable;
use chapter_07::{join_all, spawn_on, start};
use flume::Sender;

#[path = "../../broken.rs"]
#[allow(unreachable_pub)]
mod broken;

/// Spawns a task for each of two pieces, and waits for both.
async fn parent(queue: Sender<Runnable>) {
    let make = |piece| spawn_on(&queue, async move { piece });
    broken::gather(vec![make("cup"), make("bowl")]).await;
}

/// Runs this number of parents on four consumers until all are done.
fn run(parents: usize) {
    let (queue, pieces) = flume::unbounded();
    let parents: Vec<_> = (0..parents)
        .map(|_| spawn_on(&queue, parent(queue.clone())))
        .collect();
    let (_, no_other) = flume::unbounded();
    start(4, "potter", &pieces, &no_other);
    join_all(parents);
}

fn main() {
    for parents in 1..=4 {
        run(parents);
        println!("parents: {parents}, all done");
    }
}
