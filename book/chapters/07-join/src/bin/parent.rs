//! A task gathers its children, on a single consumer that also has to run them.

use chapter_07::{gather, join, spawn_on, start};
use laneway_book::record::Recorder;

async fn make(piece: &'static str) -> &'static str {
    println!("{piece}: made");
    piece
}

fn main() {
    let recorder = Recorder::from_args(&["pieces"], &[("potter-0", "pieces")]);
    let (queue, pieces) = flume::unbounded();
    let (inner, watcher) = (queue.clone(), recorder.clone());
    let parent = async move {
        let child = |piece| {
            let child = watcher.watch(piece, "pieces", make(piece));
            spawn_on(&inner, child)
        };
        let children = vec![child("cup"), child("bowl")];
        println!("parent: spawned two children");
        println!("parent: has {:?}", gather(children).await);
    };
    let parent = spawn_on(&queue, recorder.watch("parent", "pieces", parent));

    let (_, no_other) = flume::unbounded();
    start(1, "potter", &pieces, &no_other);
    join!(parent);
    recorder.finish();
}
