//! Do two consumers of a channel behind a lock run two tasks at once?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use async_task::Runnable;
use laneway_book::check::red;

/// Waits until two threads have come here, or for two seconds; tells whether they have.
fn meet(missing: &(Mutex<u32>, Condvar)) -> bool {
    let (count, changed) = missing;
    let mut count = count.lock().unwrap();
    *count -= 1;
    changed.notify_all();
    let patience = Duration::from_secs(2);
    let waited = changed.wait_timeout_while(count, patience, |count| *count > 0);
    !waited.unwrap().1.timed_out()
}

fn two_run_at_once(consume: fn(&Mutex<Receiver<Runnable>>)) {
    let (sender, receiver) = mpsc::channel();
    let missing = Arc::new((Mutex::new(2), Condvar::new()));
    let (met, has_met) = mpsc::channel();
    for _ in 0..2 {
        let (sender, missing, met) = (sender.clone(), missing.clone(), met.clone());
        let task = async move { met.send(meet(&missing)).expect("the test waits") };
        let schedule = move |runnable| sender.send(runnable).expect("the test keeps the queue");
        let (runnable, task) = async_task::spawn(task, schedule);
        runnable.schedule();
        task.detach();
    }
    // No sender is left when both tasks are gone, and then `consume` comes back.
    drop(sender);
    let queue = Mutex::new(receiver);
    thread::scope(|scope| {
        scope.spawn(|| consume(&queue));
        scope.spawn(|| consume(&queue));
    });
    let met: Vec<bool> = has_met.try_iter().collect();
    assert_eq!(met, [true, true], "one task ran, and the other waited");
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        two_run_at_once(unsolved::consume);
    });
}

#[test]
fn the_solution() {
    two_run_at_once(solution::consume);
}
