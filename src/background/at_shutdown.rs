//! A service at the end of its runtime: how it learns of it, and what it does.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::{ShutdownBegun, shutdown_begun};

/// The behaviour of a service when its runtime begins to shut down. Set by
/// [`Service::at_shutdown`](super::Service::at_shutdown).
///
/// ```
/// use laneway::background::AtShutdown;
///
/// assert_eq!(AtShutdown::default(), AtShutdown::Drains);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AtShutdown {
    /// It takes nothing new, serves what it holds, and ends, whatever handles are left. The
    /// default.
    #[default]
    Drains,
    /// It goes on until its last handle is dropped or it is closed: for a service that other tasks
    /// need in order to come to their own end. If a handle is left, the deadline cuts it off.
    Outlives,
}

/// The wait for shutdown to begin. A service is polled at every request, so what it looks at is not
/// the runtime but a notice that the runtime writes.
pub(super) enum Watch {
    /// It has ended, or does not matter any more.
    Over,
    NotPolled,
    Waits {
        begun: ShutdownBegun,
        notice: Arc<Notice>,
    },
}

impl Watch {
    pub(super) fn new(at_shutdown: AtShutdown) -> Watch {
        match at_shutdown {
            AtShutdown::Drains => Watch::NotPolled,
            AtShutdown::Outlives => Watch::Over,
        }
    }

    /// Ready once, when shutdown has begun. It is heard of in the task of the last
    /// [`leave_notice`](Watch::leave_notice).
    pub(super) fn poll(&mut self, background: &Waker) -> Poll<()> {
        match self {
            // Acquire: pairs with the Release in `wake`; the runtime's phase is then seen to be
            // over.
            Watch::Waits { notice, .. } if notice.begun.load(Ordering::Acquire) => {
                self.leave_notice(background)
            }
            Watch::Over | Watch::NotPolled | Watch::Waits { .. } => Poll::Pending,
        }
    }

    /// As [`poll`](Watch::poll), with the background in another task than before.
    #[cold]
    pub(super) fn leave_notice(&mut self, background: &Waker) -> Poll<()> {
        let mut begun = match mem::replace(self, Watch::Over) {
            Watch::Over => return Poll::Pending,
            Watch::Waits { begun, .. } => begun,
            Watch::NotPolled => shutdown_begun(),
        };
        let notice = Arc::new(Notice {
            begun: AtomicBool::new(false),
            background: background.clone(),
        });
        let waker = Waker::from(notice.clone());
        let polled = pin!(&mut begun).poll(&mut Context::from_waker(&waker));
        // On another executor nothing is to be heard, and a notice would keep the task's waker
        // within the task. A waker that owns its task would never be dropped then.
        if polled.is_pending() && !begun.never_comes() {
            *self = Watch::Waits { begun, notice };
        }
        polled
    }
}

/// Woken when shutdown begins.
pub(super) struct Notice {
    begun: AtomicBool,
    /// The waker of the task that the background was polled in when the notice was made.
    background: Waker,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.begun.store(true, Ordering::Release);
        self.background.wake_by_ref();
    }
}
