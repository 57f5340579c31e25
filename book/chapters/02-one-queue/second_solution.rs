//! A solution: a ticket that is dropped cancels its task, and one that is detached does not.

use async_task::Runnable;
use chapter_02::spawn_on;
use flume::Sender;

/// Puts futures into a queue, each to be run to its end. Their outputs are of no interest.
pub fn spawn_all<F>(queue: &Sender<Runnable>, futures: Vec<F>)
where
    F: Future<Output = ()> + Send + 'static,
{
    for future in futures {
        spawn_on(queue, future).detach();
    }
}
