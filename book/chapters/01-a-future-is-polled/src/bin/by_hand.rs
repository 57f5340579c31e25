//! Polls a future by hand, until it is ready.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chapter_01::Countdown;

fn main() {
    let mut countdown = pin!(Countdown::from(2));
    println!("made, and nothing has happened yet");

    let mut cx = Context::from_waker(Waker::noop());
    for number in 1.. {
        println!("poll {number}");
        match countdown.as_mut().poll(&mut cx) {
            Poll::Pending => println!("  pending"),
            Poll::Ready(word) => {
                println!("  ready: {word}");
                break;
            }
        }
    }
}
