//! Six tasks sleep on three consumers, once in a way that blocks and once in one that yields.

use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use chapter_03::{sleep, spawn};
use futures_lite::future::{block_on, poll_fn};

const NIGHT: Duration = Duration::from_millis(100);

async fn blocks() {
    thread::sleep(NIGHT);
}

async fn yields() {
    sleep(NIGHT).await;
}

/// Polls a future to its end, and counts.
async fn polls_of(future: impl Future<Output = ()>) -> u64 {
    let mut polls = 0;
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx)
    })
    .await;
    polls
}

/// Spawns six of them, waits for all, and says how long that took.
fn six<F>(kind: &str, night: fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let begin = Instant::now();
    let tasks = [(); 6].map(|()| spawn(polls_of(night())));
    let polls = block_on(async {
        let mut polls = 0;
        for task in tasks {
            polls += task.await;
        }
        polls
    });
    let took = begin.elapsed().as_millis();
    println!("six sleeps that {kind}: {took} ms, {polls} polls");
}

fn main() {
    six("block", blocks);
    six("yield", yields);
}
