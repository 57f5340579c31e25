//! Chapter 2's task by hand, on two consumers: one piece is in both pairs of hands.

// It is written as a part of a library.
#[allow(dead_code, unreachable_pub)]
#[path = "../../broken.rs"]
mod by_hand;

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use by_hand::{run_next, spawn_on};

fn main() {
    let (queue, tasks) = flume::unbounded();
    let (stamped, is_stamped) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    let inner = queue.clone();
    spawn_on(
        &queue,
        poll_fn(move |cx| {
            println!("bowl: is woken while it is polled");
            cx.waker().wake_by_ref();
            let stamped = stamped.clone();
            spawn_on(&inner, async move {
                println!("tile: stamped");
                stamped.send(()).expect("the bowl waits for it");
            });
            println!("bowl: waits for the tile");
            begun.send(()).expect("main waits for it");
            is_stamped.recv().expect("the tile is stamped");
            Poll::Ready(())
        }),
    );

    let first = tasks.clone();
    let first = thread::spawn(move || run_next(&first));
    has_begun.recv().expect("the bowl begins");
    println!("main: a second consumer takes what is in the queue");
    while run_next(&tasks) {}
    first.join().expect("the bowl is done");
    println!("main: over");
}
