//! Waits for a letter in `block_on`, and counts the polls.

use std::future::poll_fn;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use chapter_01::{block_on, letter};

fn main() {
    let (address, letter) = letter();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        address.send("hello");
    });

    let mut polls = 0;
    let mut letter = pin!(letter);
    let word = block_on(poll_fn(|cx| {
        polls += 1;
        letter.as_mut().poll(cx)
    }));
    println!("{word}, after {polls} polls");
    sender.join().expect("the sender sends");
}
