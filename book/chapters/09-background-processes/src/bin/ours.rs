//! A small workshop, on the runtime of these nine chapters.

use flume::Sender;
use futures_lite::future::yield_now;

use chapter_09::{Priority, Runtime, join, spawn_task, try_join};

/// Looks at the kiln at every turn, and makes a mark on a slate that has room for one.
async fn tend_the_kiln(slate: Sender<()>) {
    loop {
        // If the last mark has not been wiped off yet, it stays.
        let _ = slate.try_send(());
        yield_now().await;
    }
}

async fn make(piece: &'static str) -> &'static str {
    if piece == "vase" {
        panic!("the {piece} cracked");
    }
    piece
}

fn main() {
    Runtime::new().with_high_num(2).with_low_num(1).run();
    let (slate, marks) = flume::bounded(1);
    let kiln = spawn_task!(tend_the_kiln(slate));

    let plate = spawn_task!(make("plate"));
    let cup = spawn_task!(make("cup"), Priority::High);
    println!("made: {:?}", join!(plate, cup));

    let bowl = spawn_task!(make("bowl"));
    let vase = spawn_task!(make("vase"), Priority::High);
    for outcome in try_join!(bowl, vase) {
        match outcome {
            Ok(piece) => println!("made: {piece}"),
            Err(_) => println!("cracked"),
        }
    }

    for look in 1..=3 {
        marks.recv().expect("the kiln is tended");
        println!("the kiln was looked at: {look}");
    }
    drop(kiln);
    while marks.recv().is_ok() {}
    println!("its fire has gone out");
}
