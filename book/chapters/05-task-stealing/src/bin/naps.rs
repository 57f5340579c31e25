//! A consumer naps between two looks. How long do tasks wait that take no time?

use std::env;
use std::process::exit;
use std::thread;
use std::time::Instant;

use async_task::Runnable;
use chapter_05::{NAP, spawn_on};
use flume::Receiver;
use futures_lite::future::block_on;

#[path = "../../broken.rs"]
#[allow(unreachable_pub)]
mod broken;

type Consume = fn(&Receiver<Runnable>, &Receiver<Runnable>);

fn main() {
    let consume: Consume = match env::args().nth(1).as_deref() {
        None => broken::consume,
        Some("cured") => chapter_05::consume,
        Some(other) => {
            eprintln!("there is `cured`, and no {other:?}");
            exit(2);
        }
    };
    let (own, own_tasks) = flume::unbounded();
    let (_other, other_tasks) = flume::unbounded::<Runnable>();
    thread::spawn(move || consume(&own_tasks, &other_tasks));
    for task in 1..=5 {
        // By then the consumer has looked, has found nothing, and has lain down.
        thread::sleep(NAP / 10);
        let begin = Instant::now();
        block_on(spawn_on(&own, async {}));
        let waited = begin.elapsed().as_millis();
        println!("task {task}, which does nothing: {waited} ms");
    }
}
