//! Waits for a letter, then for a countdown, and never comes to its end.

// It is written as a part of a library.
#[allow(unreachable_pub)]
#[path = "../../broken.rs"]
mod naive;

use std::thread;
use std::time::Duration;

use chapter_01::{Countdown, letter};

fn main() {
    let (address, letter) = letter();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        address.send("hello");
    });
    println!("a letter from another thread:");
    println!("  {}", naive::block_on(letter));
    sender.join().expect("the sender sends");

    println!("a countdown:");
    println!("  {}", naive::block_on(Countdown::from(3)));
}
