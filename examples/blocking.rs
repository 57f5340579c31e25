//! Closures that block, beside tasks that must not:
//! `cargo run --release --example blocking` blocks four threads at once while the only worker goes
//! on, and then shows what becomes of a panic and of a closure whose future is dropped.

mod record;

use std::sync::{Arc, Barrier, mpsc};

use laneway::blocking::unblock;
use laneway::{BuildError, Priority, Runtime, yield_now};

use record::Record;

/// Polls one task very often, which shows that the worker is free.
async fn polls(count: usize) -> usize {
    for _ in 0..count {
        yield_now().await;
    }
    count
}

/// Four closures that wait until the fifth of them, the caller, lets them go.
async fn many_at_once() {
    let barrier = Arc::new(Barrier::new(5));
    let blocked = [0, 1, 2, 3].map(|n: u32| {
        let barrier = barrier.clone();
        // It is on its way from here on, and not only when it is awaited.
        unblock(move || {
            barrier.wait();
            n * n
        })
    });
    let done = polls(1000).await;
    println!("4 closures block 4 threads, and the only worker does {done} polls");
    unblock(move || barrier.wait()).await;
    let mut outputs = Vec::new();
    for closure in blocked {
        outputs.push(closure.await);
    }
    println!("outputs:   {outputs:?}");
}

async fn read_sensor() -> u32 {
    unblock(|| std::panic::resume_unwind(Box::new("no such sensor"))).await
}

/// A closure that has begun cannot be stopped; its output goes nowhere.
async fn dropped() {
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let closure = unblock(move || {
        begin.send(()).expect("somebody waits for the beginning");
        end.send("ran to its end").expect("and for the end");
    });
    let begun = unblock(move || begun.recv()).await;
    begun.expect("the closure begins");
    drop(closure);
    let ended = unblock(move || ended.recv()).await;
    let ended = ended.expect("the closure ends");
    println!("dropped:   the closure that had begun {ended}");
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("blocking");

    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = record.watch(builder).build()?;
    rt.block_on(rt.spawn(many_at_once(), Priority::Low));

    // The panic continues in the task that awaits the closure, and is that task's outcome.
    let reading = rt.spawn(read_sensor(), Priority::Low).fallible();
    if let Err(error) = rt.block_on(reading) {
        let message = error.into_panic().downcast::<&str>();
        println!("panic:     {}", message.expect("a word"));
    }
    rt.block_on(rt.spawn(dropped(), Priority::Low));
    record.save();
    Ok(())
}
