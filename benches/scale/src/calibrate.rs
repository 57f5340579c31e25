//! Measures on this machine what the model is to charge for each thing.

use std::fs;
use std::hint::{black_box, spin_loop};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use laneway_counted::counted::Costs;

use crate::real::{in_this_process, median};
use crate::workloads::Workload;

const TIMES: u64 = 1_000_000;

/// How often a thread is unparked.
const NAPS: usize = 500;

/// What each thing takes here, in nanoseconds. Takes some seconds.
pub(crate) fn costs() -> Costs {
    let (unpark, wake) = unpark();
    // On one thread: what a task costs without other cores.
    let poll = in_this_process(Workload::YieldMany, 1);
    let both = in_this_process(Workload::SpawnInside, 1);
    Costs {
        look: look(),
        change: change(),
        lock: lock(),
        transfer: transfer(),
        unpark,
        wake,
        pause: pause(),
        spawn: both - poll,
        poll,
    }
}

/// Nanoseconds for one of `TIMES` times.
fn each(times: u64, mut act: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..times).for_each(|_| act());
    begun.elapsed().as_nanos() as f64 / times as f64
}

/// Loads of lines that lie beside each other, as a thief makes them.
fn look() -> f64 {
    let lines: Vec<CachePadded<AtomicU64>> = (0..64).map(|_| CachePadded::default()).collect();
    let sweep = || {
        let sum = lines.iter().map(|line| line.load(Ordering::Acquire)).sum();
        black_box::<u64>(sum);
    };
    each(TIMES / 64, sweep) / 64.0
}

fn change() -> f64 {
    let word = AtomicU64::new(0);
    each(TIMES, || {
        black_box(word.fetch_add(1, Ordering::SeqCst));
    })
}

fn lock() -> f64 {
    let word = Mutex::new(0);
    each(TIMES, || *black_box(&word).lock().expect("no panic") += 1)
}

/// Two threads wait for each other's writes. Each turn is a write of a line that the other has, and
/// a read of one that the other has written.
fn transfer() -> f64 {
    let turn = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let play = |turn: Arc<CachePadded<AtomicU64>>, mine: u64| {
        for round in 0..TIMES / 10 {
            let expected = 2 * round + mine;
            while turn.load(Ordering::Acquire) != expected {
                spin_loop();
            }
            turn.store(expected + 1, Ordering::Release);
        }
    };
    let theirs = turn.clone();
    let other = thread::spawn(move || play(theirs, 1));
    let begun = Instant::now();
    play(turn, 0);
    let turns = 2 * TIMES / 10;
    let turn = begun.elapsed().as_nanos() as f64 / turns as f64;
    other.join().expect("it counts to its end");
    turn / 2.0
}

/// What it takes to unpark a thread, and how long after that the thread runs.
fn unpark() -> (f64, f64) {
    let epoch = Instant::now();
    let runs_since = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let (shown, ends) = (runs_since.clone(), over.clone());
    let sleeper = thread::spawn(move || {
        while !ends.load(Ordering::Acquire) {
            thread::park();
            shown.store(epoch.elapsed().as_nanos() as u64, Ordering::Release);
        }
    });
    let mut taken = Vec::new();
    let mut until_it_ran = Vec::new();
    for _ in 0..NAPS {
        // Long enough for the other to lie down.
        let calm = Instant::now();
        while calm.elapsed().as_micros() < 200 {
            spin_loop();
        }
        runs_since.store(0, Ordering::Release);
        let begun = epoch.elapsed().as_nanos() as f64;
        sleeper.thread().unpark();
        taken.push(epoch.elapsed().as_nanos() as f64 - begun);
        while runs_since.load(Ordering::Acquire) == 0 {
            spin_loop();
        }
        until_it_ran.push(runs_since.load(Ordering::Acquire) as f64 - begun);
    }
    over.store(true, Ordering::Release);
    sleeper.thread().unpark();
    sleeper.join().expect("it was unparked");
    (median(taken), median(until_it_ran))
}

/// As `pause` in `worker.rs`.
fn pause() -> f64 {
    each(TIMES / 10, || (0..4).for_each(|_| spin_loop()))
}

// What is kept.

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("costs.csv")
}

pub(crate) fn keep(costs: &Costs) -> std::io::Result<()> {
    let lines = Costs::NAMES.iter().zip(costs.values());
    let lines = lines.map(|(name, value)| format!("{name},{value:.1}\n"));
    fs::write(
        file(),
        format!("cost,nanoseconds\n{}", lines.collect::<String>()),
    )
}

/// The costs that the figures in the README are from.
pub(crate) fn kept() -> Costs {
    read(include_str!("../costs.csv"))
}

fn read(text: &str) -> Costs {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(','));
        let (_, value) = lines.find(|(known, _)| *known == name)?;
        value.parse().ok()
    };
    Costs::of(Costs::NAMES.map(|name| value(name).expect("the file has each cost in a line")))
}
