//! The callers that enqueue.

use std::future::Future;

use crate::assignment::CALLERS;

/// Lets all callers enqueue so many jobs in all, numbered from 0 on, each caller its next job when
/// its last one is there.
pub(crate) async fn enqueue<F, Fut>(jobs: u32, push: F)
where
    F: Fn(u32) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let each = jobs / CALLERS;
    let callers = (0..CALLERS).map(|caller| {
        let push = push.clone();
        tokio::spawn(async move {
            for number in caller * each..(caller + 1) * each {
                push(number).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller enqueues all of its jobs");
    }
}
