//! A mistake that readers make with a queue of their own: a consumer waits with an `if` where a
//! `while` should stand. Does the suite see it?

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::thread;

use async_task::{Runnable, Task};
use laneway_conformance::{Runtime, seen_by, told_cores};

/// A consumer for each core, and two where there is one core.
fn consumers() -> usize {
    told_cores().max(2)
}

/// A queue made of a lock and a condition variable.
#[derive(Default)]
struct Queue {
    tasks: Mutex<VecDeque<Runnable>>,
    came: Condvar,
}

impl Queue {
    /// A queue with its consumers, each of which takes its tasks in this way.
    fn served_by(take: fn(&Queue) -> Runnable) -> Arc<Queue> {
        let queue = Arc::new(Queue::default());
        for _ in 0..consumers() {
            let queue = queue.clone();
            thread::spawn(move || {
                loop {
                    take(&queue).run();
                }
            });
        }
        queue
    }

    fn send(&self, task: Runnable) {
        self.tasks.lock().unwrap().push_back(task);
        self.came.notify_one();
    }

    /// Takes a task for granted when it is woken.
    fn take_once_woken(&self) -> Runnable {
        let mut tasks = self.tasks.lock().unwrap();
        if tasks.is_empty() {
            tasks = self.came.wait(tasks).unwrap();
        }
        tasks.pop_front().expect("a task has come")
    }

    /// Looks again when it is woken.
    fn take(&self) -> Runnable {
        let mut tasks = self.tasks.lock().unwrap();
        loop {
            match tasks.pop_front() {
                Some(task) => return task,
                None => tasks = self.came.wait(tasks).unwrap(),
            }
        }
    }
}

/// A step with a queue of its own, from which consumers take in this way.
macro_rules! step {
    ($name:ident, $take:path) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn spawn<F>(future: F) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                static QUEUE: LazyLock<Arc<Queue>> = LazyLock::new(|| Queue::served_by($take));
                let (runnable, task) = async_task::spawn(future, |runnable| QUEUE.send(runnable));
                runnable.schedule();
                task
            }

            fn consumers() -> usize {
                consumers()
            }
        }
    };
}

step!(Bug, Queue::take_once_woken);
step!(Mended, Queue::take);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(3, &["keeps_a_consumer_that_is_woken_in_vain"])
}
