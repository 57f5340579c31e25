//! What the text's questions have for answers.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;

use chapter_01::{Countdown, block_on};
use laneway_book::prediction;

#[test]
fn how_many_polls() {
    let mut polls = 0;
    let mut countdown = pin!(Countdown::from(3));
    block_on(poll_fn(|cx| {
        polls += 1;
        countdown.as_mut().poll(cx)
    }));
    prediction!("how-many-polls", polls);
}

#[test]
fn who_speaks_first() {
    let said = RefCell::new(Vec::new());
    let speak = async |name| said.borrow_mut().push(name);
    let anna = speak("Anna");
    let ben = speak("Ben");
    block_on(async {
        said.borrow_mut().push("Cleo");
        ben.await;
        anna.await;
    });
    prediction!("who-speaks-first", said.borrow().join(", "));
}
