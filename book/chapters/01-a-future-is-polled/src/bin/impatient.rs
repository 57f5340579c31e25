//! Waits for a letter by polling all the time, and counts the polls.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use chapter_01::letter;

fn main() {
    let (address, letter) = letter();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        address.send("hello");
    });

    let mut letter = pin!(letter);
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls: u64 = 0;
    let word = loop {
        polls += 1;
        if let Poll::Ready(word) = letter.as_mut().poll(&mut cx) {
            break word;
        }
    };
    println!("{word}, after {polls} polls");
    sender.join().expect("the sender sends");
}
