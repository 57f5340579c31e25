//! Two carvings keep the low consumers busy. Which task comes past them?

use std::sync::mpsc;
use std::thread;

use chapter_04::{high, low, spawn};
use futures_lite::future::block_on;
use laneway_book::record::Recorder;

async fn say(what: &'static str) {
    println!("{what}: on {}", thread::current().name().unwrap_or("?"));
}

fn main() {
    let workers = [
        ("high-0", "high"),
        ("high-1", "high"),
        ("low-0", "low"),
        ("low-1", "low"),
    ];
    let recorder = Recorder::from_args(&["high", "low"], &workers);

    // A carving holds its thread until the door is opened, which is when `door` is dropped.
    let (door, opens) = flume::bounded::<()>(0);
    let (begins, begun) = mpsc::channel();
    let carvings = ["carving 1", "carving 2"].map(|name| {
        let (begins, opens) = (begins.clone(), opens.clone());
        let carving = async move {
            println!("{name}: begins");
            begins.send(()).expect("main waits for it");
            let _ = opens.recv();
        };
        let task = spawn(low(recorder.watch(name, "low", carving)));
        begun.recv().expect("the carving begins");
        task
    });
    println!("main: both low consumers are busy");

    let second = spawn(low(recorder.watch("low tile", "low", say("low tile"))));
    println!("main: a low tile is in the queue");
    let first = spawn(high(recorder.watch("high tile", "high", say("high tile"))));
    block_on(first);

    println!("main: the carvings may end");
    drop(door);
    block_on(async {
        second.await;
        for carving in carvings {
            carving.await;
        }
    });
    recorder.finish();
}
