//! A future that tells a task of the beginning of its runtime's end.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use crate::ending::Phase;
use crate::executor::{Executor, seat};
use crate::ground::poll::budget::Waited;

/// Waits until the runtime that the task runs on begins to [`shut down`](crate::Runtime::shutdown).
///
/// From then on the runtime takes nothing new and lets its tasks finish until the deadline. A task
/// that would go on for ever learns here that it is time to end; otherwise shutdown waits for it
/// until the deadline, and cuts it off.
///
/// It belongs to the runtime on which it is first polled: that of the task, or the one whose
/// [`block_on`](crate::Runtime::block_on) polls it. On other executors it never ends. A runtime
/// that is dropped without shutdown cancels its tasks without telling them.
///
/// ```
/// use laneway::{Priority, Runtime, shutdown_begun, yield_now};
/// use std::time::Duration;
///
/// let rt = Runtime::builder().build()?;
/// let (sender, tidied_up) = std::sync::mpsc::channel();
/// let forever = async move {
///     shutdown_begun().await;
///     sender.send("tidied up").unwrap();
/// };
/// rt.spawn(forever, Priority::Low).detach();
/// assert!(rt.shutdown(Duration::from_secs(10)).is_clean());
/// assert_eq!(tidied_up.recv(), Ok("tidied up"));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[doc(alias("CancellationToken", "graceful_shutdown"))]
pub fn shutdown_begun() -> ShutdownBegun {
    ShutdownBegun {
        state: State::NotPolled,
        waited: Waited::No,
    }
}

/// The wait for a shutdown to begin. Made by [`shutdown_begun`], which has an example.
#[derive(Debug)]
#[must_use = "it waits only when it is awaited"]
pub struct ShutdownBegun {
    state: State,
    waited: Waited,
}

#[derive(Debug)]
enum State {
    NotPolled,
    /// The future is polled on another executor.
    Never,
    Waits {
        runtime: Weak<Executor>,
        key: usize,
    },
    Begun,
}

impl ShutdownBegun {
    /// Whether it waits for nothing, since it was first polled on another executor.
    pub(crate) fn never_comes(&self) -> bool {
        matches!(self.state, State::Never)
    }
}

impl Future for ShutdownBegun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let ShutdownBegun { state, waited } = &mut *self;
        waited.poll(cx, |cx| state.poll(cx))
    }
}

impl State {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            State::NotPolled => *self = State::enter(cx),
            State::Waits { runtime, key } => match runtime.upgrade() {
                Some(runtime) if runtime.phase() == Phase::Open => {
                    runtime.watchers.replace(*key, cx.waker());
                    // It may have begun before the waker was there.
                    if runtime.phase() != Phase::Open {
                        self.leave();
                    }
                }
                _ => self.leave(),
            },
            State::Never | State::Begun => {}
        }
        match self {
            State::Begun => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    fn enter(cx: &mut Context<'_>) -> State {
        let Some(runtime) = seat::shared_runtime_here() else {
            return State::Never;
        };
        if runtime.phase() != Phase::Open {
            return State::Begun;
        }
        let key = runtime.watchers.insert(cx.waker().clone());
        // It may have begun before the waker was there.
        if runtime.phase() != Phase::Open {
            runtime.watchers.remove(key);
            return State::Begun;
        }
        State::Waits {
            runtime: Arc::downgrade(&runtime),
            key,
        }
    }

    /// Takes the waker out.
    fn leave(&mut self) {
        if let State::Waits { runtime, key } = self
            && let Some(runtime) = runtime.upgrade()
        {
            runtime.watchers.remove(*key);
        }
        *self = State::Begun;
    }
}

impl Drop for ShutdownBegun {
    fn drop(&mut self) {
        self.state.leave();
    }
}
