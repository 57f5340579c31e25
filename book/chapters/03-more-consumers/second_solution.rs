//! A solution: all tasks are in the queue before the first is awaited.

use async_task::Runnable;
use chapter_03::spawn_on;
use flume::Sender;

/// Carves all pieces in tasks of this queue, and gives what comes of them in the same order.
pub async fn carve_all<T>(queue: &Sender<Runnable>, pieces: Vec<fn() -> T>) -> Vec<T>
where
    T: Send + 'static,
{
    let carve = |piece: fn() -> T| spawn_on(queue, async move { piece() });
    // Collected: an iterator alone would hand in each piece when its turn to be awaited has come.
    let tasks: Vec<_> = pieces.into_iter().map(carve).collect();
    let mut carved = Vec::new();
    for task in tasks {
        carved.push(task.await);
    }
    carved
}
