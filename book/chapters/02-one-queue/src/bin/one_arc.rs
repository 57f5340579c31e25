//! Tasks by hand, from the standard library: an `Arc` that is future and waker at once.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use chapter_02::Count;

// ANCHOR: the-task
/// A future, and the queue that it enters when it is woken.
struct Task {
    future: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    queue: Sender<Arc<Task>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let queue = self.queue.clone();
        let _ = queue.send(self);
    }
}

/// Puts a future into a queue.
fn spawn(queue: &Sender<Arc<Task>>, future: impl Future<Output = ()> + Send + 'static) {
    let future = Mutex::new(Box::pin(future) as Pin<Box<_>>);
    let queue = queue.clone();
    Arc::new(Task { future, queue }).wake();
}

/// Runs the task at the front of the queue, if there is one.
fn run_next(queue: &Receiver<Arc<Task>>) -> bool {
    let Ok(task) = queue.try_recv() else {
        return false;
    };
    let waker = Waker::from(task.clone());
    let mut future = task.future.lock().unwrap();
    // Ready or pending: no caller waits for the answer.
    let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
    true
}
// ANCHOR_END: the-task

/// Says when it is dropped.
struct Clay;

impl Drop for Clay {
    fn drop(&mut self) {
        println!("  the clay is dropped");
    }
}

fn main() {
    two_counters();
    woken_twice();
    woken_and_ready();
    keeps_its_own_waker();
}

fn two_counters() {
    println!("two counters:");
    let (sender, receiver) = channel();
    for name in ["one", "two"] {
        let count = Count::to(2, name);
        spawn(&sender, async {
            count.await;
        });
    }
    while run_next(&receiver) {}
}

fn woken_twice() {
    println!("woken twice in one poll:");
    let (sender, receiver) = channel();
    let twice = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    spawn(&sender, twice);
    run_next(&receiver);
    println!("  in the queue {} times", receiver.try_iter().count());
}

fn woken_and_ready() {
    println!("woken, and ready in the same poll:");
    let (sender, receiver) = channel();
    spawn(&sender, async {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        })
        .await;
    });
    run_next(&receiver);
    let again = catch_unwind(AssertUnwindSafe(|| run_next(&receiver)));
    println!("  polled after its end, which panics: {}", again.is_err());
}

fn keeps_its_own_waker() {
    println!("keeps its own waker:");
    let (sender, receiver) = channel();
    let (clay, mut waker) = (Clay, None);
    spawn(
        &sender,
        poll_fn(move |cx| {
            waker.get_or_insert_with(|| cx.waker().clone());
            let _clay = &clay;
            Poll::Pending
        }),
    );
    run_next(&receiver);
    drop((sender, receiver));
    println!("  no queue is left, and the clay has not been dropped");
}
