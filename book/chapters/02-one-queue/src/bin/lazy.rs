//! The queue of the process: it starts when it is first used, and ends when the process does.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};
use std::thread;

use chapter_02::spawn;
use futures_lite::future::block_on;

/// Says so when it is dropped.
struct Unfinished;

impl Drop for Unfinished {
    fn drop(&mut self) {
        println!("a line that is never printed");
    }
}

/// Whom to wake if it ever happens.
static WAITING: Mutex<Option<Waker>> = Mutex::new(None);

/// Waits for what does not happen.
fn never() -> impl Future<Output = ()> + Send {
    poll_fn(|cx| {
        *WAITING.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    })
}

async fn run(name: &'static str) {
    println!(
        "{name} runs on `{}`",
        thread::current().name().unwrap_or("?")
    );
}

fn main() {
    println!("main: no consumer yet");
    let a = spawn(run("a"));
    println!("main: spawned a");
    let b = spawn(run("b"));
    println!("main: spawned b");
    block_on(async {
        a.await;
        b.await;
    });
    println!("main: both are done");

    spawn(async {
        let _unfinished = Unfinished;
        never().await;
    })
    .detach();
    println!("main: over");
}
