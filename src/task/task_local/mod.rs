//! Values that follow a task from poll to poll, whichever thread polls it.
//!
//! A [`Scoped`] future keeps the value while it is not polled. For each poll it swaps the value
//! into a slot of the thread, and swaps back when the poll ends, also by a panic. So a slot holds a
//! value only below a poll of the future that the value belongs to, and no other task sees it.
//!
//! `slot.rs` holds the values of a thread.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::LocalKey;

use pin_project_lite::pin_project;

pub use self::slot::TaskLocalSlot;

mod slot;

/// A value that follows a task. Declared by [`task_local!`](crate::task_local!).
///
/// [`scope`](TaskLocal::scope) gives a future its value; all that the future calls and awaits in
/// its own polls reads it by [`with`](TaskLocal::with) or [`get`](TaskLocal::get). Scopes nest: the
/// innermost counts.
///
/// # What does not inherit
///
/// A task that is spawned within a scope has no value, nor has a closure given to
/// [`unblock`](crate::blocking::unblock) or a thread: each may outlive the scope. Hand the value on
/// where it is wanted:
///
/// ```
/// use laneway::blocking::unblock;
/// use laneway::{block_on, spawn_task, task_local};
///
/// task_local! {
///     static REQUEST: u64;
/// }
///
/// let request = REQUEST.scope(7, async {
///     let alone = spawn_task!(async { REQUEST.try_get().is_ok() });
///     let child = spawn_task!(REQUEST.scope(REQUEST.get(), async { REQUEST.get() }));
///     let request = REQUEST.get();
///     let closure = unblock(move || REQUEST.sync_scope(request, || REQUEST.get()));
///     (alone.await, child.await, closure.await)
/// });
/// assert_eq!(block_on(request), (false, 7, 7));
/// ```
///
/// # Panics
///
/// To enter a scope of a task-local while [`with`](TaskLocal::with) of the same one runs on this
/// thread: take the value out by [`get`](TaskLocal::get) first.
#[doc(alias = "LocalKey")]
pub struct TaskLocal<T: 'static> {
    name: &'static str,
    slot: LocalKey<TaskLocalSlot<T>>,
}

/// Declares statics of type [`TaskLocal`](crate::TaskLocal): values that follow a task, such as a
/// request's number.
///
/// Each is declared as a `static` with a type and no value; its value comes by
/// [`scope`](crate::TaskLocal::scope). The type has to be `'static`, and `Send` where the future is
/// to be spawned.
///
/// ```
/// use laneway::{block_on, spawn_task, task_local, yield_now};
///
/// task_local! {
///     /// The request that a task works for.
///     static REQUEST: String;
///     pub static ATTEMPT: u32;
/// }
///
/// async fn line(text: &str) -> String {
///     yield_now().await;
///     REQUEST.with(|request| format!("[{request}] {text}"))
/// }
///
/// let handle = |n: u32| spawn_task!(REQUEST.scope(format!("request {n}"), line("served")));
/// let (one, two) = (handle(1), handle(2));
/// assert_eq!(block_on(one), "[request 1] served");
/// assert_eq!(block_on(two), "[request 2] served");
/// assert!(ATTEMPT.try_get().is_err());
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::TaskLocal<$type> = {
            ::std::thread_local! {
                static SLOT: $crate::__TaskLocalSlot<$type> =
                    const { $crate::__TaskLocalSlot::__new() };
            }
            $crate::TaskLocal::__new(::core::stringify!($name), SLOT)
        };
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $($value:tt)*) => {
        ::core::compile_error!(
            "a task-local has no value of its own: write `static NAME: Type;` and give the value \
             by NAME.scope(value, future)"
        );
    };
}

impl<T: 'static> TaskLocal<T> {
    /// For [`task_local!`](crate::task_local!) alone.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(name: &'static str, slot: LocalKey<TaskLocalSlot<T>>) -> TaskLocal<T> {
        TaskLocal { name, slot }
    }

    /// A future that runs `future` with this value.
    ///
    /// # Cancellation
    ///
    /// Dropping it drops `future`, whose destructors still read the value, and then the value.
    ///
    /// # Panics
    ///
    /// Polling it panics if `future` does, after its end, and below a [`with`](TaskLocal::with) of
    /// the same task-local.
    ///
    /// ```
    /// laneway::task_local! {
    ///     static USER: &'static str;
    /// }
    ///
    /// let inner = USER.scope("root", async { USER.get() });
    /// let outer = USER.scope("guest", async { (USER.get(), inner.await, USER.get()) });
    /// assert_eq!(laneway::block_on(outer), ("guest", "root", "guest"));
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped {
            local: self,
            value: Some(value),
            future: Some(future),
        }
    }

    /// Calls `f` with this value, for code that is not async.
    ///
    /// # Panics
    ///
    /// If `f` does, or below a [`with`](TaskLocal::with) of the same task-local.
    ///
    /// ```
    /// laneway::task_local! {
    ///     static DEPTH: u32;
    /// }
    ///
    /// let depth = DEPTH.sync_scope(1, || DEPTH.sync_scope(DEPTH.get() + 1, || DEPTH.get()));
    /// assert_eq!(depth, 2);
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        let _inside = Inside::enter(self, &mut value);
        f()
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// If there is none here: the calling code does not run within a scope.
    /// [`try_with`](TaskLocal::try_with) gives an error instead.
    ///
    /// ```
    /// laneway::task_local! {
    ///     static WORDS: Vec<&'static str>;
    /// }
    ///
    /// let count = WORDS.sync_scope(vec!["a", "b"], || WORDS.with(|words| words.len()));
    /// assert_eq!(count, 2);
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(given) => given,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the value, if there is one here.
    ///
    /// # Errors
    ///
    /// If the calling code does not run within a scope. `f` is not called then.
    ///
    /// ```
    /// laneway::task_local! {
    ///     static REQUEST: u64;
    /// }
    ///
    /// // A log line says which request it is about, where there is one.
    /// let prefix = REQUEST.try_with(|request| format!("[{request}] ")).unwrap_or_default();
    /// assert_eq!(prefix, "");
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, NotInScope> {
        self.slot.with(|slot| {
            slot.look(|place| match place.map(RefCell::borrow).as_deref() {
                Some(Some(value)) => Ok(f(value)),
                _ => Err(NotInScope { name: self.name }),
            })
        })
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// If there is none here, as [`with`](TaskLocal::with).
    ///
    /// ```
    /// laneway::task_local! {
    ///     static REQUEST: u64;
    /// }
    ///
    /// assert_eq!(REQUEST.sync_scope(7, || REQUEST.get()), 7);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A copy of the value, if there is one here.
    ///
    /// # Errors
    ///
    /// If the calling code does not run within a scope.
    ///
    /// ```
    /// laneway::task_local! {
    ///     static REQUEST: u64;
    /// }
    ///
    /// let error = REQUEST.try_get().unwrap_err();
    /// assert!(error.to_string().contains("REQUEST.scope"));
    /// ```
    pub fn try_get(&'static self) -> Result<T, NotInScope>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A task-local was read by code that does not run within a scope of it.
///
/// ```
/// laneway::task_local! {
///     static REQUEST: u64;
/// }
///
/// assert_eq!(
///     REQUEST.try_get().unwrap_err().to_string(),
///     "the task-local REQUEST has no value here: run this within REQUEST.scope(value, future) \
///      (a spawned task, a closure of unblock and a thread inherit none)"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotInScope {
    name: &'static str,
}

impl fmt::Display for NotInScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        write!(
            f,
            "the task-local {name} has no value here: run this within {name}.scope(value, future) \
             (a spawned task, a closure of unblock and a thread inherit none)"
        )
    }
}

impl Error for NotInScope {}

/// The part of a scope that runs, with its value in the thread's slot. Dropped, it takes the value
/// back, and puts into the slot what was there before.
struct Inside<'v, T: 'static> {
    local: &'static TaskLocal<T>,
    value: &'v mut Option<T>,
    outer: Option<ManuallyDrop<T>>,
}

impl<'v, T: 'static> Inside<'v, T> {
    fn enter(local: &'static TaskLocal<T>, value: &'v mut Option<T>) -> Inside<'v, T> {
        let name = local.name;
        Inside::try_enter(local, value).unwrap_or_else(|| {
            panic!(
                "a scope of the task-local {name} is entered within {name}.with: copy the value \
                 by {name}.get() first"
            )
        })
    }

    /// `None` below a [`with`](TaskLocal::with), which holds on to the value in the slot.
    fn try_enter(local: &'static TaskLocal<T>, value: &'v mut Option<T>) -> Option<Inside<'v, T>> {
        let outer = local.slot.with(|slot| {
            slot.change(|place| {
                let mut place = place.try_borrow_mut().ok()?;
                Some(mem::replace(
                    &mut *place,
                    value.take().map(ManuallyDrop::new),
                ))
            })
        })?;
        Some(Inside {
            local,
            value,
            outer,
        })
    }
}

impl<T: 'static> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        // Each `with` has ended that began since: it lies within this scope's run.
        let outer = self.outer.take();
        let inner = self
            .local
            .slot
            .with(|slot| slot.change(|place| place.replace(outer)));
        *self.value = inner.map(ManuallyDrop::into_inner);
    }
}

pin_project! {
    /// A future that runs with a value of a [`TaskLocal`]. Made by [`TaskLocal::scope`].
    ///
    /// ```
    /// use laneway::Scoped;
    /// use std::future::{Ready, ready};
    ///
    /// laneway::task_local! {
    ///     static REQUEST: u64;
    /// }
    ///
    /// let scoped: Scoped<u64, Ready<i32>> = REQUEST.scope(7, ready(5));
    /// assert_eq!(laneway::block_on(scoped), 5);
    /// ```
    #[must_use = "futures do nothing until they are polled: await it, or spawn it"]
    pub struct Scoped<T: 'static, F> {
        local: &'static TaskLocal<T>,
        // None during a poll.
        value: Option<T>,
        // None once it has ended.
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for Scoped<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Below a `with` of the same task-local, the destructors find that value instead.
            let _inside = Inside::try_enter(this.local, this.value);
            this.future.set(None);
        }
    }
}

impl<T: 'static, F: Future> Future for Scoped<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _inside = Inside::enter(this.local, this.value);
        let future = this.future.as_mut().as_pin_mut();
        let output = ready!(
            future
                .expect("a scoped future is not polled after its end")
                .poll(cx)
        );
        // Its destructors read the value, too.
        this.future.set(None);
        Poll::Ready(output)
    }
}

impl<T: 'static, F> fmt::Debug for Scoped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped")
            .field("local", &self.local.name)
            .finish_non_exhaustive()
    }
}
