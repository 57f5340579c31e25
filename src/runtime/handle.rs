//! A way to use a runtime without owning it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::block_on::block_on;
use super::metrics::RuntimeMetrics;
use super::queue_name::{IntoQueueName, queue_named};
use super::runtime::Runtime;
use super::spawn::{spawn_on, try_spawn_large_on, try_spawn_on};
use super::spawn_error::SpawnError;
use crate::ending::Phase;
use crate::executor::{Executor, Origin, seat};
use crate::ground::ids::QueueId;
use crate::ground::large::is_large;
use crate::task::Task;

/// Uses a runtime without owning it. Made by [`Runtime::handle`](crate::Runtime::handle), and
/// inside of a runtime by [`Handle::current`].
///
/// It is cheap to clone and may go anywhere, into tasks of its own runtime too: the runtime ends
/// when its [`Runtime`](crate::Runtime) is dropped or shut down, whether there are handles or not.
/// After that, spawns are refused, and all that is left of the runtime is some memory.
///
/// ```
/// use laneway::{Handle, Priority, Runtime};
///
/// let rt = Runtime::builder().build()?;
/// let handle = rt.handle();
/// let asks = async move { handle.spawn(async { 42 }, Priority::High).await };
/// let answer = rt.spawn(asks, Priority::Low);
/// assert_eq!(rt.block_on(answer), 42);
///
/// let handle = rt.handle();
/// drop(rt);
/// assert!(handle.try_spawn(async {}, Priority::Low).unwrap_err().is_shut_down());
/// # Ok::<(), laneway::BuildError>(())
/// ```
///
/// Two handles are equal if they are of the same runtime:
///
/// ```
/// # use laneway::Runtime;
/// let (one, other) = (Runtime::builder().build()?, Runtime::builder().build()?);
/// assert_eq!(one.handle(), one.handle());
/// assert_ne!(one.handle(), other.handle());
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(super) executor: Arc<Executor>,
}

impl Runtime {
    /// A way to use the runtime without owning it: cheap to clone, and no reason for the runtime to
    /// go on.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let handle = rt.handle();
    /// let spawner = std::thread::spawn(move || handle.spawn(async { 1 }, Priority::Low));
    /// assert_eq!(rt.block_on(spawner.join().unwrap()), 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            executor: self.executor.clone(),
        }
    }
}

impl Handle {
    /// The runtime that this code runs on: that of the task, or the one that this thread has
    /// entered.
    ///
    /// # Panics
    ///
    /// If there is none. [`try_current`](Handle::try_current) does not.
    ///
    /// ```
    /// use laneway::{Handle, Priority, spawn_task};
    ///
    /// let task = spawn_task!(async { Handle::current().spawn(async { 1 }, Priority::Low).await });
    /// assert_eq!(laneway::block_on(task), 1);
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        Handle::try_current().expect(
            "Handle::current needs a runtime: call it inside a task, inside Runtime::block_on, or \
             while a guard of Handle::enter is there",
        )
    }

    /// The runtime that this code runs on, if there is one.
    ///
    /// ```
    /// assert!(laneway::Handle::try_current().is_none());
    /// ```
    pub fn try_current() -> Option<Handle> {
        seat::shared_runtime_here().map(|executor| Handle { executor })
    }

    /// Makes the runtime this thread's own until the guard is dropped:
    /// [`spawn_task!`](crate::spawn_task!) and [`spawn`](crate::spawn) use it.
    ///
    /// Of several runtimes that are entered on one thread, the last counts whose guard has not been
    /// dropped. The guards may be dropped in any order.
    ///
    /// ```
    /// use laneway::{Priority, QueueId, Runtime, spawn_task};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let handle = rt.handle();
    /// let entered = handle.enter();
    /// laneway::block_on(spawn_task!(async {}));
    /// drop(entered);
    /// assert_eq!(rt.metrics().queues[QueueId::LOW.index()].completed, 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _entered: seat::visit(self.executor.clone()),
            _handle: PhantomData,
        }
    }

    /// Spawns a task, as [`Runtime::spawn`](crate::Runtime::spawn) does.
    ///
    /// # Panics
    ///
    /// If there is no queue of that name.
    ///
    /// ```
    /// # use laneway::{Priority, Runtime};
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.handle().spawn(async { 3 }, Priority::High);
    /// assert_eq!(laneway::block_on(task), 3);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<'q, F>(&self, future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin::unnamed(Location::caller());
        let queue = queue.into_queue_name();
        match const { is_large::<F>() } {
            true => spawn_on(Some(&self.executor), Box::pin(future), queue, origin),
            false => spawn_on(Some(&self.executor), future, queue, origin),
        }
    }

    /// Spawns a task or gives the future back, as [`Runtime::try_spawn`](crate::Runtime::try_spawn)
    /// does.
    ///
    /// # Errors
    ///
    /// If shutdown has begun, or there is no queue of that name. The error gives the future back.
    ///
    /// ```
    /// # use laneway::{Priority, Runtime};
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.handle().try_spawn(async { 3 }, Priority::High)?;
    /// assert_eq!(laneway::block_on(task), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<'q, F>(
        &self,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin::unnamed(Location::caller());
        let queue = queue.into_queue_name();
        match const { is_large::<F>() } {
            true => try_spawn_large_on(Some(&self.executor), Box::new(future), queue, origin),
            false => try_spawn_on(Some(&self.executor), future, queue, origin),
        }
    }

    /// Runs a future on this thread, as [`Runtime::block_on`](crate::Runtime::block_on) does.
    ///
    /// # Panics
    ///
    /// If the future does.
    ///
    /// ```
    /// # use laneway::{Runtime, spawn_task};
    /// let rt = Runtime::builder().build()?;
    /// assert_eq!(rt.handle().block_on(async { spawn_task!(async { 4 }).await }), 4);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = self.enter();
        block_on(future)
    }

    /// The queue of a name, as [`Runtime::queue`](crate::Runtime::queue) gives it.
    ///
    /// ```
    /// # use laneway::{QueueId, Runtime};
    /// let rt = Runtime::builder().build()?;
    /// assert_eq!(rt.handle().queue("high"), Some(QueueId::HIGH));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        queue_named(&self.executor, name)
    }

    /// The counts of the runtime so far, as [`Runtime::metrics`](crate::Runtime::metrics) gives
    /// them.
    ///
    /// ```
    /// # let rt = laneway::Runtime::builder().build()?;
    /// assert_eq!(rt.handle().metrics().queues.len(), 2);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::of(&self.executor)
    }

    /// Whether a high task may have to wait for the end of a low poll: every high thread takes low
    /// tasks as well, and none [stands by](crate::Builder::with_standby). By default, at least one
    /// does.
    ///
    /// ```
    /// # use laneway::{Runtime, Stealing};
    /// let rt = Runtime::builder().build()?;
    /// assert!(!rt.handle().high_may_wait_for_low());
    /// let rt = Runtime::builder().with_standby(0).build()?;
    /// assert!(rt.handle().high_may_wait_for_low());
    /// let rt = Runtime::builder().with_stealing(Stealing::None).build()?;
    /// assert!(!rt.handle().high_may_wait_for_low());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn high_may_wait_for_low(&self) -> bool {
        self.executor.high_waits
    }

    /// Whether the runtime takes no tasks any more: shutdown has begun, or it was dropped.
    ///
    /// ```
    /// # let rt = laneway::Runtime::builder().build()?;
    /// let handle = rt.handle();
    /// assert!(!handle.is_shut_down());
    /// drop(rt);
    /// assert!(handle.is_shut_down());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.executor.phase() != Phase::Open
    }
}

// As a `Runtime`.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl PartialEq for Handle {
    fn eq(&self, other: &Handle) -> bool {
        Arc::ptr_eq(&self.executor, &other.executor)
    }
}

impl Eq for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("executor", &self.executor)
            .finish()
    }
}

/// Keeps a runtime entered on this thread. Made by [`Handle::enter`], which has an example.
#[must_use = "the runtime is left when the guard is dropped"]
pub struct EnterGuard<'h> {
    _entered: seat::Entered,
    _handle: PhantomData<&'h Handle>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}
