//! An async block, an async fn, a future written by hand: one macro takes them all.

use chapter_06::{Count, Priority, spawn_task};
use futures_lite::future::block_on;

async fn fire(pieces: u32) -> u32 {
    println!("fn: {pieces} pieces into the kiln");
    pieces
}

fn main() {
    let block = spawn_task!(async {
        println!("block: a type that has no name");
        1
    });
    println!("main: got {}", block_on(block));

    let function = spawn_task!(fire(20), Priority::High);
    println!("main: got {}", block_on(function));

    let by_hand = spawn_task!(Count::to(3, "by hand"), Priority::Low);
    println!("main: got {}", block_on(by_hand));
}
