//! A process that never ends by itself, in the hands of its owner:
//! `cargo run --release --example background` prints what becomes of one whose handle is held,
//! one whose handle is dropped, and one that is detached.

mod record;

use std::time::Duration;

use async_channel::{Receiver, Sender};
use laneway::{BuildError, Runtime, spawn_task};

use record::Record;

/// A request to the process: a word, and the place to send the number of words so far.
type Word = (&'static str, Sender<usize>);

/// The process: counts words for as long as anybody can send it one.
async fn count_words(inbox: Receiver<Word>) {
    let mut count = 0;
    while let Ok((_word, answer)) = inbox.recv().await {
        count += 1;
        // The caller may have gone away meanwhile.
        let _ = answer.send(count).await;
    }
}

/// Sends a word, and tells what came back.
async fn send(outbox: &Sender<Word>, word: &'static str) -> String {
    let (answer, answered) = async_channel::bounded(1);
    if outbox.send((word, answer)).await.is_err() {
        return format!("{word:?} cannot be sent, the process is gone");
    }
    match answered.recv().await {
        Ok(count) => format!("{word:?} was word {count}"),
        Err(_) => format!("{word:?} was lost with the process"),
    }
}

async fn held() {
    let (outbox, inbox) = async_channel::bounded(8);
    let process = spawn_task!(count_words(inbox));
    println!("held:      {}", send(&outbox, "one").await);
    println!("held:      {}", send(&outbox, "two").await);

    // Waits until the process is really gone.
    process.cancel().await;
    println!("cancelled: {}", send(&outbox, "three").await);
}

async fn dropped() {
    let (outbox, inbox) = async_channel::bounded(8);
    drop(spawn_task!(count_words(inbox)));
    // A worker drops the process, and its inbox with it, a moment later.
    outbox.closed().await;
    println!("dropped:   {}", send(&outbox, "one").await);
}

/// Gives the outbox back, so that the process has no reason to end.
async fn detached() -> Sender<Word> {
    let (outbox, inbox) = async_channel::bounded(8);
    spawn_task!(count_words(inbox)).detach();
    println!("detached:  {}", send(&outbox, "one").await);
    outbox
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("background");

    let rt = record.watch(Runtime::builder()).build()?;
    let outbox = rt.block_on(async {
        held().await;
        dropped().await;
        detached().await
    });
    // It needs no handle and goes on by itself, but not longer than its runtime.
    println!("detached:  {}", rt.block_on(send(&outbox, "two")));
    let report = rt.shutdown(Duration::from_millis(50));
    println!("shutdown:  {} process was cut off", report.cut_off);
    record.save();
    Ok(())
}
