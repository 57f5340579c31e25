//! hyper's executor: the high queue.

use std::future::Future;

use hyper::rt::Executor;
use laneway::{Handle, Priority};

/// Spawns what hyper asks for on the high queue of a runtime.
///
/// A future that comes when the runtime has begun to shut down is dropped, which resets its stream.
///
/// ```
/// use hyper::rt::Executor;
/// use laneway_http::adapters::HighQueue;
///
/// let rt = laneway::Runtime::builder().build()?;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// HighQueue::of(rt.handle()).execute(async move { sender.send("ran").unwrap() });
/// assert_eq!(receiver.recv(), Ok("ran"));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HighQueue {
    runtime: Handle,
}

impl HighQueue {
    /// The high queue of this runtime.
    #[must_use]
    pub fn of(runtime: Handle) -> HighQueue {
        HighQueue { runtime }
    }

    /// The high queue of the runtime that the caller runs on.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, as [`Handle::current`] does.
    #[must_use]
    pub fn current() -> HighQueue {
        HighQueue::of(Handle::current())
    }
}

impl<F> Executor<F> for HighQueue
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        if let Ok(task) = self.runtime.try_spawn(future, Priority::High) {
            task.detach();
        }
    }
}
