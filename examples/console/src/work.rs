//! The tasks to look at, each with a character of its own.

use std::hint::black_box;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender, bounded};
use laneway::time::{interval, sleep};
use laneway::{Priority, Runtime, spawn_task, yield_now};

/// Starts them all. They go on until the runtime ends.
pub(crate) fn start(rt: &Runtime) {
    spawn_task!(name = "heartbeat", heartbeat(), Priority::High, rt).detach();
    spawn_task!(name = "slow", slow(), Priority::Low, rt).detach();
    spawn_task!(name = "polite", polite(), Priority::Low, rt).detach();
    spawn_task!(name = "stranded", stranded(), Priority::Low, rt).detach();

    let (to_pong, from_ping) = bounded(1);
    let (to_ping, from_pong) = bounded(1);
    to_ping.try_send(0).expect("there is room for one ball");
    spawn_task!(name = "ping", play(from_pong, to_pong), Priority::Low, rt).detach();
    spawn_task!(name = "pong", play(from_ping, to_ping), Priority::Low, rt).detach();

    spawn_task!(name = "dispatcher", dispatch(), Priority::High, rt).detach();
}

/// Wakes up ten times a second for next to nothing.
async fn heartbeat() {
    let mut beats = interval(Duration::from_millis(100));
    loop {
        beats.tick().await;
    }
}

/// Computes for a tenth of a second in one poll, and rests for two.
async fn slow() {
    loop {
        compute(Duration::from_millis(100));
        sleep(Duration::from_millis(200)).await;
    }
}

/// Computes as long, and lets others have a turn in between.
async fn polite() {
    loop {
        for _ in 0..100 {
            compute(Duration::from_millis(1));
            yield_now().await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for what nobody can send, since it holds the only sender itself.
async fn stranded() {
    let (_sender, orders) = bounded::<()>(1);
    sleep(Duration::from_millis(100)).await;
    let _ = orders.recv().await;
}

/// Gives back every ball that comes, a little later.
async fn play(from: Receiver<u64>, to: Sender<u64>) {
    while let Ok(ball) = from.recv().await {
        sleep(Duration::from_millis(50)).await;
        if to.send(ball + 1).await.is_err() {
            break;
        }
    }
}

/// Spawns a job now and then, which soon ends.
async fn dispatch() {
    let mut due = interval(Duration::from_millis(500));
    for number in 1_u64.. {
        due.tick().await;
        spawn_task!(name = format!("job {number}"), job()).detach();
    }
}

async fn job() {
    for _ in 0..3 {
        compute(Duration::from_millis(2));
        sleep(Duration::from_millis(100)).await;
    }
}

fn compute(long: Duration) {
    let begun = Instant::now();
    let mut sum = 0_u64;
    while begun.elapsed() < long {
        sum = (0..1_000).fold(sum, |sum, i| black_box(sum.wrapping_add(i)));
    }
}
