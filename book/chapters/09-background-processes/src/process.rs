//! Futures that never end.

use std::convert::Infallible;

use async_task::Runnable;
use flume::Sender;

use crate::spawn_on;

/// Works, waits, works again, for as long as it is polled. It has no output.
///
/// The pause has to be pending at times: where it never is, one poll goes on for ever.
pub async fn process<P: Future>(
    mut work: impl FnMut(),
    mut pause: impl FnMut() -> P,
) -> Infallible {
    loop {
        work();
        pause().await;
    }
}

/// Starts a process that goes on until the queue's consumers end.
pub fn start_process<P>(
    queue: &Sender<Runnable>,
    work: impl FnMut() + Send + 'static,
    pause: impl FnMut() -> P + Send + 'static,
) where
    P: Future + Send + 'static,
{
    spawn_on(queue, process(work, pause)).detach();
}
