//! The same three tasks, one turn at a time, with a look at the queue after each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_task::{Runnable, Task};
use chapter_02::{Count, run_next};
use flume::Sender;

/// The names of the tasks in the queue, in the queue's order.
type Names = Arc<Mutex<VecDeque<&'static str>>>;

/// As `spawn_on`, and writes down what enters the queue.
fn spawn_noted<F>(
    queue: &Sender<Runnable>,
    names: &Names,
    name: &'static str,
    future: F,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (queue, names) = (queue.clone(), names.clone());
    let schedule = move |runnable| {
        names.lock().unwrap().push_back(name);
        drop(queue.send(runnable));
    };
    let (runnable, task) = async_task::spawn(future, schedule);
    runnable.schedule();
    task
}

fn show(names: &Names) {
    let names: Vec<&str> = names.lock().unwrap().iter().copied().collect();
    match names.is_empty() {
        true => println!("    queue: empty"),
        false => println!("    queue: {}", names.join(", ")),
    }
}

fn main() {
    let (sender, receiver) = flume::unbounded();
    let names = Names::default();
    spawn_noted(&sender, &names, "one", Count::to(3, "one")).detach();
    spawn_noted(&sender, &names, "two", Count::to(3, "two")).detach();
    let block = async {
        for number in 1..=4 {
            println!("block: call {number}");
        }
        println!("block: done");
    };
    spawn_noted(&sender, &names, "block", block).detach();
    show(&names);

    for turn in 1.. {
        let Some(name) = names.lock().unwrap().pop_front() else {
            break;
        };
        println!("turn {turn}: {name}");
        assert!(run_next(&receiver), "each name stands for a task");
        show(&names);
    }
}
