//! A task panics in the middle of something. What is left?

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use chapter_02::spawn;
use futures_lite::future::block_on;

/// Money in two places: together always 100.
#[derive(Debug)]
struct Purse {
    left: u32,
    right: u32,
}

fn main() {
    let purse = Arc::new(Mutex::new(Purse {
        left: 100,
        right: 0,
    }));

    let shared = purse.clone();
    // ANCHOR: the-task
    let cracks = spawn(async move {
        let mut purse = shared.lock().unwrap();
        purse.left -= 30;
        let amount: u32 = "thirty".parse().expect("an amount is a number");
        purse.right += amount;
    });
    // ANCHOR_END: the-task
    let outcome = catch_unwind(AssertUnwindSafe(|| block_on(cracks)));
    println!("the awaiter panicked as well: {}", outcome.is_err());

    let sum = block_on(spawn(async { 1 + 1 }));
    println!("the consumer goes on: {sum}");

    println!("the lock is poisoned: {}", purse.is_poisoned());
    let purse = purse
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    println!("left {}, right {}", purse.left, purse.right);
}
