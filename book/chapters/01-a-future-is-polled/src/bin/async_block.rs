//! Polls an async block by hand: which lines run in which poll?

use std::pin::pin;
use std::task::{Context, Waker};

use chapter_01::Countdown;

fn main() {
    let mut flight = pin!(async {
        println!("  the block begins");
        let word = Countdown::from(2).await;
        println!("  the block goes on: {word}");
    });
    println!("made");

    let mut cx = Context::from_waker(Waker::noop());
    for number in 1.. {
        println!("poll {number}");
        if flight.as_mut().poll(&mut cx).is_ready() {
            break;
        }
    }
}
