//! A task that is awaited, one that is dropped, one that is detached: who drops what, and where?

use std::future::pending;
use std::sync::mpsc::{self, Sender};
use std::thread;

use chapter_02::spawn;
use futures_lite::future::block_on;

/// Says when it is dropped, and on which thread.
struct Clay {
    of: &'static str,
    gone: Sender<()>,
}

impl Drop for Clay {
    fn drop(&mut self) {
        let thread = thread::current();
        let name = thread.name().unwrap_or("?");
        println!("  {}: dropped on the thread `{name}`", self.of);
        self.gone.send(()).expect("main waits for this");
    }
}

fn main() {
    let (gone, is_gone) = mpsc::channel();
    let clay = |of| Clay {
        of,
        gone: gone.clone(),
    };

    println!("awaited:");
    let (future, output) = (clay("the future"), clay("the output"));
    let task = spawn(async move {
        let _future = future;
        output
    });
    let output = block_on(task);
    println!("  main has the output");
    drop(output);
    (0..2).for_each(|_| is_gone.recv().expect("two pieces"));

    println!("dropped while it waits:");
    let future = clay("the future");
    let (started, has_started) = mpsc::channel();
    let task = spawn(async move {
        let _future = future;
        started.send(()).expect("main waits for this");
        pending::<()>().await;
    });
    has_started.recv().expect("the task starts");
    drop(task);
    is_gone.recv().expect("one piece");

    println!("detached:");
    let (future, output) = (clay("the future"), clay("the output"));
    let (let_go, has_let_go) = mpsc::channel();
    let task = spawn(async move {
        let _future = future;
        // Had it ended before, its output would be in the `Task`, and `detach` would drop it.
        has_let_go.recv().expect("main detaches the task");
        output
    });
    task.detach();
    let_go.send(()).expect("the task waits for this");
    (0..2).for_each(|_| is_gone.recv().expect("two pieces"));
}
