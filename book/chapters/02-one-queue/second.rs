//! Find the fault: not one of these futures ever runs.

use async_task::Runnable;
use chapter_02::spawn_on;
use flume::Sender;

/// Puts futures into a queue, each to be run to its end. Their outputs are of no interest.
pub fn spawn_all<F>(queue: &Sender<Runnable>, futures: Vec<F>)
where
    F: Future<Output = ()> + Send + 'static,
{
    for future in futures {
        let _task = spawn_on(queue, future);
    }
}
