//! How many consumers does a program have that has spawned nothing, or only low tasks?

use chapter_04::{consumers_started, high, low, spawn};
use futures_lite::future::block_on;

fn main() {
    println!("nothing spawned: {} consumers", consumers_started());
    block_on(spawn(low(async {})));
    println!("a low task spawned: {} consumers", consumers_started());
    block_on(spawn(high(async {})));
    println!("a high task as well: {} consumers", consumers_started());
}
