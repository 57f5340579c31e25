//! Three carvings keep three consumers busy. How long does a tile wait behind them?

use std::thread;
use std::time::{Duration, Instant};

use chapter_03::{consume, spawn_on};
use futures_lite::future::{block_on, yield_now};

const CARVING: Duration = Duration::from_millis(200);

/// Keeps a core busy for so long.
fn carve(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

async fn in_one_go() {
    carve(CARVING);
}

async fn in_slices() {
    for _ in 0..200 {
        carve(CARVING / 200);
        yield_now().await;
    }
}

/// Puts three carvings and a tile into a queue, then lets three consumers begin.
fn wait_of_a_tile<F>(carving: fn() -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = flume::unbounded();
    let carvings = [(); 3].map(|()| spawn_on(&sender, carving()));
    let begin = Instant::now();
    let tile = spawn_on(&sender, async move { begin.elapsed() });
    for _ in 0..3 {
        let receiver = receiver.clone();
        thread::spawn(move || consume(&receiver));
    }
    block_on(async {
        for carving in carvings {
            carving.await;
        }
        tile.await
    })
}

fn main() {
    let wait = wait_of_a_tile(in_one_go).as_millis();
    println!("carvings in one go: the tile waited {wait} ms");
    let wait = wait_of_a_tile(in_slices).as_millis();
    println!("carvings in slices: the tile waited {wait} ms");
}
