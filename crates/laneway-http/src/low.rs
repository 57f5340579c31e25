//! A service whose futures run on the low queue.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures_lite::FutureExt;
use laneway::{Priority, spawn_task};
use tower_service::Service;

/// Lets the futures of a service run on the low queue.
///
/// The server waits for an answer without raising the task that works on it: to await a low
/// [`Task`](laneway::Task) would raise it, and the heavy work would run between the urgent tasks.
/// For one route of axum's, the handler is wrapped: `route_service("/report", low(on_get(report)))`.
///
/// The call of the service runs on the high queue: heavy work belongs into the future that it
/// gives. If the client goes away, the task is cancelled at its next await.
///
/// ```
/// use http::{Request, Response};
/// use laneway::{Priority, Runtime};
/// use laneway_http::{RequestBody, low, service_fn};
/// use std::convert::Infallible;
/// use tower_service::Service;
///
/// let mut report = low(service_fn(async |_request: Request<String>| {
///     let sum: u64 = (0..1000).sum();
///     Ok::<_, Infallible>(Response::new(sum.to_string()))
/// }));
/// let rt = Runtime::builder().build()?;
/// let answer = rt.block_on(async { report.call(Request::new(String::new())).await })?;
/// assert_eq!(answer.body(), "499500");
/// assert_eq!(rt.metrics().queues[1].spawned, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn low<S>(service: S) -> Low<S> {
    Low { service }
}

/// A service whose futures run on the low queue. Made by [`low`], which has an example.
#[derive(Clone, Copy, Debug)]
pub struct Low<S> {
    service: S,
}

impl<S, R> Service<R> for Low<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LowFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let future = self.service.call(request);
        let place = Arc::new(Mutex::new(Place::Empty(None)));
        let sender = Sender(place.clone());
        let future = AssertUnwindSafe(as_a_local(future)).catch_unwind();
        let work = async move { sender.put(future.await) };
        let task = spawn_task!(work, Priority::Low);
        LowFuture { place, _task: task }
    }
}

/// Awaits a future as a local variable, which is dropped while a panic of its own goes on: a guard
/// in it then poisons its lock.
async fn as_a_local<F: Future>(future: F) -> F::Output {
    future.await
}

/// The answer of a [`Low`] service. Dropped before it is there, it cancels the work.
///
/// # Panics
///
/// When the work has panicked, with the payload of that panic, or was cancelled by the end of its
/// runtime; and when it is polled again after it was ready.
#[must_use = "dropping it cancels the work"]
pub struct LowFuture<T, E> {
    place: Arc<Mutex<Place<Outcome<T, E>>>>,
    /// Never awaited: that would raise it.
    _task: laneway::Task<()>,
}

/// The output of the service, or the payload of its panic.
type Outcome<T, E> = thread::Result<Result<T, E>>;

/// Where the work leaves its output.
enum Place<T> {
    /// With the waker of the task that waits.
    Empty(Option<Waker>),
    Filled(T),
    /// The work was cancelled before it had an output.
    Cancelled,
    /// The future has given the output.
    Taken,
}

/// The end that fills the place. Dropped without that, it says that nothing will come.
struct Sender<T>(Arc<Mutex<Place<T>>>);

impl<T> Sender<T> {
    fn put(self, output: T) {
        self.replace(Place::Filled(output));
    }

    fn replace(&self, new: Place<T>) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Place::Empty(waker) = &mut *place else {
            return;
        };
        let waker = waker.take();
        *place = new;
        // Unlock before waking: the task's first act is to take this lock.
        drop(place);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.replace(Place::Cancelled);
    }
}

impl<T, E> Future for LowFuture<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Place::Empty(waker) = &mut *place {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let left = std::mem::replace(&mut *place, Place::Taken);
        drop(place);
        match left {
            Place::Filled(Ok(output)) => Poll::Ready(output),
            Place::Filled(Err(payload)) => resume_unwind(payload),
            Place::Cancelled => panic!("the runtime of a low service has ended"),
            Place::Taken | Place::Empty(_) => panic!("a `LowFuture` was polled after its end"),
        }
    }
}

impl<T, E> std::fmt::Debug for LowFuture<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LowFuture").finish_non_exhaustive()
    }
}
