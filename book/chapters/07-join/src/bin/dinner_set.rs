//! Three tasks that end in one order and are joined in another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_07::{join, spawn_task};
use futures_lite::future::yield_now;

/// Makes a piece as soon as so many others are made.
async fn make(piece: &'static str, others: u32, made: Arc<AtomicU32>) -> &'static str {
    while made.load(Ordering::SeqCst) < others {
        yield_now().await;
    }
    println!("made the {piece}");
    made.fetch_add(1, Ordering::SeqCst);
    piece
}

fn main() {
    let made = Arc::new(AtomicU32::new(0));
    let plate = spawn_task!(make("plate", 2, made.clone()));
    let cup = spawn_task!(make("cup", 1, made.clone()));
    let bowl = spawn_task!(make("bowl", 0, made));
    println!("the set: {:?}", join!(plate, cup, bowl));
}
