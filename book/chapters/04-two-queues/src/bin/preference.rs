//! One consumer prefers high tasks. How many turns does a low one get?

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_04::spawn_on;
use futures_lite::future::yield_now;

#[path = "../../broken.rs"]
#[allow(unreachable_pub)]
mod broken;

/// Counts its turns, and goes to the back of its queue after each.
async fn take_turns(turns: Arc<AtomicU32>) {
    loop {
        turns.fetch_add(1, Ordering::Relaxed);
        yield_now().await;
    }
}

fn main() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let [of_high, of_low] = [(); 2].map(|()| Arc::new(AtomicU32::new(0)));
    let _high = spawn_on(&high, take_turns(of_high.clone()));
    let _low = spawn_on(&low, take_turns(of_low.clone()));

    let mut rounds = 0;
    for until in [1, 10, 100, 1_000] {
        while rounds < until {
            broken::round(&high_tasks, &low_tasks);
            rounds += 1;
        }
        let turns = [&of_high, &of_low].map(|turns| turns.load(Ordering::Relaxed));
        println!(
            "round {rounds}: high turns: {}, low turns: {}",
            turns[0], turns[1]
        );
    }
}
