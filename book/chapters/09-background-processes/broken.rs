//! A process whose ticket goes into a variable that no line uses.

use async_task::Runnable;
use chapter_09::{process, spawn_on};
use flume::Sender;

/// Starts a process that goes on until the queue's consumers end.
pub fn start_process<P>(
    queue: &Sender<Runnable>,
    work: impl FnMut() + Send + 'static,
    pause: impl FnMut() -> P + Send + 'static,
) where
    P: Future + Send + 'static,
{
    let _process = spawn_on(queue, process(work, pause));
}
