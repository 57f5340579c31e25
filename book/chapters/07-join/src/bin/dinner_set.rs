//! Three tasks that end in one order and are joined in another.

use chapter_07::{join, spawn_on, start};
use futures_lite::future::yield_now;

/// Makes a piece in this number of turns at the bench.
async fn make(piece: &'static str, turns: u32) -> &'static str {
    for _ in 1..turns {
        yield_now().await;
    }
    println!("made the {piece}");
    piece
}

fn main() {
    let (queue, pieces) = flume::unbounded();
    let plate = spawn_on(&queue, make("plate", 3));
    let cup = spawn_on(&queue, make("cup", 2));
    let bowl = spawn_on(&queue, make("bowl", 1));

    let (_, no_other) = flume::unbounded();
    start(1, "potter", &pieces, &no_other);
    println!("the set: {:?}", join!(plate, cup, bowl));
}
