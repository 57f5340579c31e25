//! Six orders, half of them for today: the same future goes into either queue.

use std::thread;
use std::time::Duration;

use chapter_06::{Priority, spawn_task};
use futures_lite::future::{block_on, yield_now};
use laneway_book::record::Recorder;

/// Three turns of work, with a wait after each of the first two.
async fn make(piece: &'static str) {
    for turn in 1..=3 {
        thread::sleep(Duration::from_millis(2));
        if turn < 3 {
            yield_now().await;
        }
    }
    println!("{piece}");
}

fn main() {
    let consumers = [
        ("high-0", "high"),
        ("high-1", "high"),
        ("low-0", "low"),
        ("low-1", "low"),
    ];
    let recorder = Recorder::from_args(&["high", "low"], &consumers);
    let orders = [
        ("plate", Priority::Low),
        ("jug", Priority::Low),
        ("cup", Priority::High),
        ("bowl", Priority::High),
        ("vase", Priority::Low),
        ("mug", Priority::High),
    ];
    let tasks = orders.map(|(piece, priority)| {
        let queue = match priority {
            Priority::High => "high",
            Priority::Low => "low",
        };
        spawn_task!(recorder.watch(piece, queue, make(piece)), priority)
    });
    for task in tasks {
        block_on(task);
    }
    recorder.finish();
}
