//! All four consumers carve for the low queue when a high tile comes.

use std::sync::mpsc;

use chapter_05::{HIGH_CONSUMERS, LOW_CONSUMERS, high, low, spawn};
use futures_lite::future::block_on;

fn main() {
    // A carving holds its thread until the door is opened, which is when `door` is dropped.
    let (door, opens) = flume::bounded::<()>(0);
    let (begins, begun) = mpsc::channel();
    for _ in 0..HIGH_CONSUMERS + LOW_CONSUMERS {
        let (begins, opens) = (begins.clone(), opens.clone());
        let carving = async move {
            begins.send(()).expect("main waits for all of them");
            let _ = opens.recv();
        };
        spawn(low(carving)).detach();
    }
    (0..HIGH_CONSUMERS + LOW_CONSUMERS).for_each(|_| begun.recv().expect("all carvings begin"));
    println!("main: four low carvings hold four consumers");

    let tile = spawn(high(async { println!("the high tile, at last") }));
    println!("main: a high tile is in the queue");
    println!("main: has it run? {}", tile.is_finished());
    println!("main: the carvings may end");
    drop(door);
    block_on(tile);
}
