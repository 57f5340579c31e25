//! A pipeline's input, which its stages read and others update.
//!
//! A lock that many may read or one may write, made for tasks: to wait for it blocks no thread, and
//! a guard may be held across an await. The value is in an `Arc`: readers hold a copy of the
//! pointer, and a writer takes it out of the lock. So no reader can see a value that is being
//! written, and a panic cannot leave the lock without one.

use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use super::waiters::{WaiterId, Waiters, WakeList};
use crate::block_on;
use crate::ground::poll::budget::Waited;
use crate::ground::sync::unpoisoned;

/// A value that a pipeline's stages read and any thread may update. Clones are the same value.
///
/// Many may read at a time, or one may write. A writer that waits goes before readers that come
/// after it, and readers that wait get their chance after each write, so that neither side is shut
/// out. The lock is made for short writes by a few writers: each release wakes all that wait.
///
/// # Panics
///
/// A panic while the value is locked poisons nothing: the lock is released, and the value is what
/// was made of it until then.
///
/// ```
/// use laneway::pipeline::Shared;
///
/// let series = Shared::new(vec![1.0]);
/// series.update(|series| series.push(2.0));
/// assert_eq!(series.view(|series| series.len()), 2);
///
/// laneway::block_on(async {
///     series.write().await.push(3.0);
///     assert_eq!(series.read().await.iter().sum::<f64>(), 6.0);
/// });
/// ```
pub struct Shared<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    /// None while a writer has it.
    value: Option<Arc<T>>,
    /// How many guards hold a copy of the pointer.
    readers: usize,
    waiting_readers: Waiters,
    /// While a writer is among them, no more readers come in.
    waiting_writers: Waiters,
}

impl<T> Shared<T> {
    /// Makes a value that can be shared.
    ///
    /// ```
    /// let input = laneway::pipeline::Shared::new(7);
    /// assert_eq!(*input.try_read().unwrap(), 7);
    /// ```
    pub fn new(value: T) -> Shared<T> {
        Shared(Arc::new(Mutex::new(State {
            value: Some(Arc::new(value)),
            readers: 0,
            waiting_readers: Waiters::default(),
            waiting_writers: Waiters::default(),
        })))
    }

    /// Changes the value. Blocks this thread until no reader or writer has it, for as long as a
    /// stage runs; on a worker thread, another thread takes the worker's place meanwhile. In async
    /// code, `write().await` costs less.
    ///
    /// Do not lock the same value inside of the closure: that waits for itself.
    ///
    /// ```
    /// let count = laneway::pipeline::Shared::new(1);
    /// let before = count.update(|count| std::mem::replace(count, 2));
    /// assert_eq!((before, count.view(|count| *count)), (1, 2));
    /// ```
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut block_on(self.write()))
    }

    /// Looks at the value. Blocks this thread while a writer has it, as [`update`](Shared::update)
    /// does.
    ///
    /// ```
    /// let words = laneway::pipeline::Shared::new(vec!["a", "b"]);
    /// assert_eq!(words.view(|words| words.len()), 2);
    /// ```
    pub fn view<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&block_on(self.read()))
    }

    /// Waits until no writer has it or waits for it, and gives the value to read.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and nothing else.
    ///
    /// ```
    /// let input = laneway::pipeline::Shared::new(7);
    /// laneway::block_on(async {
    ///     let (one, two) = (input.read().await, input.read().await);
    ///     assert_eq!(*one + *two, 14);
    /// });
    /// ```
    pub async fn read(&self) -> ReadGuard<T> {
        let mut wait = self.wait(Access::Read);
        poll_fn(|cx| wait.poll_read(cx)).await
    }

    /// Waits until no reader or writer has it, and gives the value to change.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait. One that is kept and not polled keeps readers out.
    ///
    /// ```
    /// let input = laneway::pipeline::Shared::new(7);
    /// laneway::block_on(async { *input.write().await += 1 });
    /// assert_eq!(*input.try_read().unwrap(), 8);
    /// ```
    pub async fn write(&self) -> WriteGuard<T> {
        let mut wait = self.wait(Access::Write);
        poll_fn(|cx| wait.poll_write(cx)).await
    }

    /// The value to read, unless a writer has it or waits for it.
    ///
    /// ```
    /// let input = laneway::pipeline::Shared::new(7);
    /// let writer = input.try_write().unwrap();
    /// assert!(input.try_read().is_none());
    /// drop(writer);
    /// assert_eq!(*input.try_read().unwrap(), 7);
    /// ```
    #[must_use]
    pub fn try_read(&self) -> Option<ReadGuard<T>> {
        let value = self.lock().try_lock(Access::Read)?;
        Some(self.reading(value))
    }

    /// The value to change, unless a reader or writer has it.
    ///
    /// ```
    /// let input = laneway::pipeline::Shared::new(7);
    /// let reader = input.try_read().unwrap();
    /// assert!(input.try_write().is_none());
    /// drop(reader);
    /// *input.try_write().unwrap() = 8;
    /// assert_eq!(*input.try_read().unwrap(), 8);
    /// ```
    #[must_use]
    pub fn try_write(&self) -> Option<WriteGuard<T>> {
        let value = self.lock().try_lock(Access::Write)?;
        Some(self.writing(value))
    }

    pub(super) fn wait(&self, access: Access) -> LockWait<T> {
        LockWait {
            shared: self.clone(),
            access,
            waiter: None,
            waited: Waited::No,
        }
    }

    fn reading(&self, value: Arc<T>) -> ReadGuard<T> {
        ReadGuard {
            shared: self.clone(),
            value: Some(value),
        }
    }

    fn writing(&self, value: Arc<T>) -> WriteGuard<T> {
        WriteGuard {
            shared: self.clone(),
            value: Some(value),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.0.lock())
    }
}

/// The use of the value that a waiter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl<T> State<T> {
    fn try_lock(&mut self, access: Access) -> Option<Arc<T>> {
        match access {
            Access::Read if self.waiting_writers.is_empty() => {
                let value = self.value.clone()?;
                self.readers += 1;
                Some(value)
            }
            Access::Write if self.readers == 0 => self.value.take(),
            Access::Read | Access::Write => None,
        }
    }

    fn waiting(&mut self, access: Access) -> &mut Waiters {
        match access {
            Access::Read => &mut self.waiting_readers,
            Access::Write => &mut self.waiting_writers,
        }
    }

    /// A reader has gone. Writers that wait go on to keep others out until one of them comes in.
    fn reader_left(&mut self) -> Option<WakeList> {
        self.readers -= 1;
        (self.readers == 0).then(|| self.waiting_writers.copy())
    }

    /// A writer has gone. All that wait try again; until a writer has to wait again, readers may
    /// come in.
    fn writer_left(&mut self, value: Arc<T>) -> WakeList {
        self.value = Some(value);
        self.waiting_writers.take().and(self.waiting_readers.take())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(self.0.clone())
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shared = f.debug_tuple("Shared");
        match self.try_read() {
            Some(value) => shared.field(&*value),
            None => shared.field(&format_args!("<locked>")),
        };
        shared.finish()
    }
}

/// A reader or writer on the way to a guard.
pub(super) struct LockWait<T> {
    shared: Shared<T>,
    access: Access,
    waiter: Option<WaiterId>,
    waited: Waited,
}

impl<T> LockWait<T> {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<ReadGuard<T>> {
        self.poll(cx).map(|value| self.shared.reading(value))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<WriteGuard<T>> {
        self.poll(cx).map(|value| self.shared.writing(value))
    }

    /// Gives the value, which belongs into a guard at once.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arc<T>> {
        let mut waited = self.waited;
        let polled = waited.poll(cx, |cx| self.poll_lock(cx));
        self.waited = waited;
        polled
    }

    fn poll_lock(&mut self, cx: &mut Context<'_>) -> Poll<Arc<T>> {
        let mut state = self.shared.lock();
        let value = state.try_lock(self.access);
        let waiting = state.waiting(self.access);
        let waker = match value {
            Some(_) => waiting.leave(&mut self.waiter),
            None => waiting.wait(&mut self.waiter, cx.waker()),
        };
        // Unlock before dropping a waker: that may run code of the user's.
        drop(state);
        drop(waker);
        value.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for LockWait<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let waker = state.waiting(self.access).leave(&mut self.waiter);
        // A writer kept readers out, and perhaps no other does.
        let kept_out = self.access == Access::Write && waker.is_some();
        let let_in =
            (kept_out && state.waiting_writers.is_empty()).then(|| state.waiting_readers.take());
        drop(state);
        drop(waker);
        if let Some(readers) = let_in {
            readers.wake();
        }
    }
}

/// A [`Shared`] value to read. No thread writes while it exists. Made by [`Shared::read`].
///
/// ```
/// use laneway::pipeline::{ReadGuard, Shared};
///
/// fn length(text: ReadGuard<String>) -> usize {
///     text.len()
/// }
/// assert_eq!(length(Shared::new("four".to_owned()).try_read().unwrap()), 4);
/// ```
#[must_use = "the value is locked until the guard is dropped"]
pub struct ReadGuard<T> {
    shared: Shared<T>,
    /// None only in the destructor.
    value: Option<Arc<T>>,
}

impl<T> Deref for ReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect(GUARDED)
    }
}

impl<T> Drop for ReadGuard<T> {
    fn drop(&mut self) {
        // Before the lock counts one reader less: a writer must find its pointer the only one.
        self.value = None;
        let writers = self.shared.lock().reader_left();
        if let Some(writers) = writers {
            writers.wake();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadGuard").field(&**self).finish()
    }
}

/// A [`Shared`] value to change. No other thread sees it while this exists. Made by
/// [`Shared::write`].
///
/// ```
/// use laneway::pipeline::{Shared, WriteGuard};
///
/// fn shout(mut text: WriteGuard<String>) {
///     text.push('!');
/// }
/// let text = Shared::new("now".to_owned());
/// shout(text.try_write().unwrap());
/// assert_eq!(*text.try_read().unwrap(), "now!");
/// ```
#[must_use = "the value is locked until the guard is dropped"]
pub struct WriteGuard<T> {
    shared: Shared<T>,
    /// None only in the destructor.
    value: Option<Arc<T>>,
}

impl<T> Deref for WriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect(GUARDED)
    }
}

impl<T> DerefMut for WriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        let value = self.value.as_mut().expect(GUARDED);
        Arc::get_mut(value).expect("no reader is counted, so that none has the pointer")
    }
}

impl<T> Drop for WriteGuard<T> {
    fn drop(&mut self) {
        let value = self.value.take().expect(GUARDED);
        let waiting = self.shared.lock().writer_left(value);
        waiting.wake();
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteGuard").field(&**self).finish()
    }
}

const GUARDED: &str = "a guard has the value until it is dropped";
