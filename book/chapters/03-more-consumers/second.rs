//! Your turn: several carvings at once.

use async_task::Runnable;
use chapter_03::spawn_on;
use flume::Sender;

/// Carves all pieces in tasks of this queue, and gives what comes of them in the same order.
///
/// This one waits for each piece before it hands in the next, so one consumer has work at a time.
pub async fn carve_all<T>(queue: &Sender<Runnable>, pieces: Vec<fn() -> T>) -> Vec<T>
where
    T: Send + 'static,
{
    let mut carved = Vec::new();
    for piece in pieces {
        carved.push(spawn_on(queue, async move { piece() }).await);
    }
    carved
}
