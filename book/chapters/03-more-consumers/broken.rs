//! Tasks that stand in the queue once for each wake-up.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use flume::{Receiver, Sender};

/// A whole task. A thread that has an `Arc` of it may poll it.
pub struct Task {
    future: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    queue: Sender<Arc<Task>>,
}

/// Puts a future into a queue.
pub fn spawn_on<F>(queue: &Sender<Arc<Task>>, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let task = Task {
        future: Mutex::new(Box::pin(future)),
        queue: queue.clone(),
    };
    Arc::new(task).wake();
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let queue = self.queue.clone();
        // If no consumer is left to take it, the task is dropped.
        drop(queue.send(self));
    }
}

/// Runs the task at the front of the queue, if there is one.
pub fn run_next(queue: &Receiver<Arc<Task>>) -> bool {
    let Ok(task) = queue.try_recv() else {
        return false;
    };
    let waker = Waker::from(task.clone());
    let mut cx = Context::from_waker(&waker);
    // Ready or pending: no caller waits for the answer.
    let _ = task.future.lock().unwrap().as_mut().poll(&mut cx);
    true
}
