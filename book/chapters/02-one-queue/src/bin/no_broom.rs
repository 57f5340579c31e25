//! A consumer that catches nothing: a task panics, and another waits for ever.

// It is written as a part of a library.
#[allow(unreachable_pub)]
#[path = "../../broken.rs"]
mod naive;

use std::thread;

use chapter_02::spawn_on;
use futures_lite::future::block_on;

fn main() {
    let (sender, receiver) = flume::unbounded();
    spawn_on(&sender, async { panic!("the piece cracks") }).detach();
    let sound = spawn_on(&sender, async { println!("the second task runs") });

    let consumer = thread::spawn(move || naive::consume(&receiver));
    println!("the consumer has panicked: {}", consumer.join().is_err());

    println!("main awaits the second task");
    block_on(sound);
    println!("main: over");
}
