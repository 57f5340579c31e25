//! Three futures that go to their queues by their labels.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use chapter_04::{Labelled, Priority, high, low, spawn};
use futures_lite::future::block_on;

/// Says which kind of consumer polls it: by its thread's name, without the number.
struct WhoAmI;

impl Future for WhoAmI {
    type Output = String;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<String> {
        let thread = thread::current();
        let name = thread.name().expect("consumers have names");
        Poll::Ready(name.trim_end_matches(|c| c != 'h' && c != 'w').to_owned())
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
    let wrapped = block_on(spawn(high(async {
        format!("a {} consumer", WhoAmI.await)
    })));
    println!("a block, labelled high: {wrapped}");
    let relabelled = block_on(spawn(low(WhoAmI)));
    println!("a high type, labelled low: a {relabelled} consumer");
}
