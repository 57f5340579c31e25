//! Three futures that go to their queues by their labels.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use chapter_04::{Labelled, Priority, high, low, spawn};
use futures_lite::future::block_on;

/// The kind of consumer that this thread is: its name, without the number.
fn kind() -> String {
    let thread = thread::current();
    let name = thread.name().expect("consumers have names");
    let (kind, _number) = name.split_once('-').expect("a kind and a number");
    kind.to_owned()
}

/// Gives the kind of consumer that polls it.
struct WhoAmI;

impl Future for WhoAmI {
    type Output = String;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<String> {
        Poll::Ready(kind())
    }
}

impl Labelled for WhoAmI {
    fn priority(&self) -> Priority {
        Priority::High
    }
}

fn main() {
    let by_its_type = block_on(spawn(WhoAmI));
    println!("a type with a label: a {by_its_type} consumer");
    let wrapped = block_on(spawn(high(async { kind() })));
    println!("a block, labelled high: a {wrapped} consumer");
    let relabelled = block_on(spawn(low(WhoAmI)));
    println!("a high type, labelled low: a {relabelled} consumer");
}
