//! A process that is held, one that is dropped, one that is detached, turn by turn.

use async_task::Runnable;
use chapter_09::{process, run_next, spawn_on};
use flume::Receiver;
use futures_lite::future::yield_now;
use laneway_book::record::Recorder;

/// Takes this number of tasks from the front of the queue, or all if there are fewer.
fn turns(queue: &Receiver<Runnable>, count: usize) {
    let taken = (0..count).take_while(|_| run_next(queue)).count();
    println!("  turns: {taken}; in the queue: {}", queue.len());
}

/// Looks at the kiln, and says when it is gone for good.
struct Watcher(&'static str);

impl Watcher {
    fn look(&self) {
        println!("  {}: looks at the kiln", self.0);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        println!("  {}: is gone", self.0);
    }
}

fn main() {
    let recorder = Recorder::from_args(&["pieces"], &[("main", "pieces")]);
    let (sender, queue) = flume::unbounded();
    let watch = |name: &'static str| {
        let watcher = Watcher(name);
        let process = process(move || watcher.look(), yield_now);
        spawn_on(&sender, recorder.watch(name, "pieces", process))
    };

    println!("held:");
    let anna = watch("Anna");
    turns(&queue, 3);

    println!("dropped:");
    drop(anna);
    turns(&queue, 3);

    println!("detached:");
    watch("Ben").detach();
    turns(&queue, 3);

    recorder.finish();
    println!("main ends, and takes Ben along");
}
