//! A process is started in a function that keeps its ticket. How many times does it work?

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_09::run_next;
use futures_lite::future::yield_now;

#[path = "../../broken.rs"]
#[allow(unreachable_pub)]
mod broken;

fn main() {
    let (sender, queue) = flume::unbounded();
    let looks = Arc::new(AtomicU32::new(0));
    let count = looks.clone();
    let look = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    broken::start_process(&sender, look, yield_now);

    println!("in the queue: {}", queue.len());
    let turns = (0..10).take_while(|_| run_next(&queue)).count();
    println!("turns: {turns}");
    println!("looks at the kiln: {}", looks.load(Ordering::Relaxed));
    println!("in the queue: {}", queue.len());
}
