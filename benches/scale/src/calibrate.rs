//! Measures on this machine what the model is to charge for each thing.
//!
//! Each is measured many times for a short while, and the fastest of these counts: in the others,
//! the machine did something else as well.

use std::fs;
use std::hint::{black_box, spin_loop};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use laneway_counted::counted::Costs;

use crate::real::fastest_round;
use crate::simulated::{play, tasks};
use crate::workloads::Workload;

/// How often each thing is done for one figure, and how many figures are made.
const TIMES: u64 = 1_000;
const FIGURES: usize = 1_000;

/// How often a thread is unparked.
const NAPS: usize = 500;

/// The time of each thing here, in nanoseconds. The measurement takes some seconds.
pub(crate) fn costs() -> Costs {
    let (unpark, wake) = unpark();
    let mut costs = Costs {
        look: look(),
        change: change(),
        lock: lock(),
        transfer: transfer(),
        unpark,
        wake,
        pause: pause(),
        alert: alert(),
        spawn: 0.0,
        poll: 0.0,
    };
    costs.poll = left_over(Workload::YieldMany, costs);
    costs.spawn = left_over(Workload::Chain, costs);
    costs
}

/// The time of a task on one worker, less the costs that the model charges for it.
fn left_over(workload: Workload, costs: Costs) -> f64 {
    let charged = play(workload, 1, (1, 1), costs).nanoseconds / tasks(workload, 1) as f64;
    (fastest_round(workload) - charged).max(0.0)
}

/// The nanoseconds that it takes to do something once.
fn each(mut act: impl FnMut()) -> f64 {
    let figure = |_| {
        let begun = Instant::now();
        (0..TIMES).for_each(|_| act());
        begun.elapsed().as_nanos() as f64 / TIMES as f64
    };
    fastest((0..FIGURES).map(figure))
}

fn fastest(figures: impl Iterator<Item = f64>) -> f64 {
    figures.fold(f64::INFINITY, f64::min)
}

/// Loads of lines that lie beside each other, as a thief makes them.
fn look() -> f64 {
    let lines: Vec<CachePadded<AtomicU64>> = (0..64).map(|_| CachePadded::default()).collect();
    let sweep = || {
        let sum = lines.iter().map(|line| line.load(Ordering::Acquire)).sum();
        black_box::<u64>(sum);
    };
    each(sweep) / 64.0
}

fn change() -> f64 {
    let word = AtomicU64::new(0);
    each(|| {
        black_box(word.fetch_add(1, Ordering::SeqCst));
    })
}

fn lock() -> f64 {
    let word = Mutex::new(0);
    each(|| *black_box(&word).lock().expect("no panic") += 1)
}

/// Two threads wait for each other's writes. Each turn is a write of a line that the other has, and
/// a read of one that the other has written.
fn transfer() -> f64 {
    let turn = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let theirs = turn.clone();
    let other =
        thread::spawn(move || (0..PAIRS_OF_TURNS).for_each(|pair| take_turn(&theirs, pair, 1)));
    let pairs: Vec<u64> = (0..PAIRS_OF_TURNS).collect();
    let figure = |pairs: &[u64]| {
        let begun = Instant::now();
        pairs.iter().for_each(|&pair| take_turn(&turn, pair, 0));
        begun.elapsed().as_nanos() as f64 / (2 * pairs.len()) as f64
    };
    let fastest = fastest(pairs.chunks(100).map(figure));
    other.join().expect("it counts to its end");
    fastest / 2.0
}

const PAIRS_OF_TURNS: u64 = 200_000;

/// Waits for a turn of one of two threads, and lets the other have the next.
fn take_turn(turn: &AtomicU64, pair: u64, mine: u64) {
    let expected = 2 * pair + mine;
    let mut looks = 0_u32;
    while turn.load(Ordering::Acquire) != expected {
        looks += 1;
        match looks.is_multiple_of(10_000) {
            // The other may not have a core.
            true => thread::yield_now(),
            false => spin_loop(),
        }
    }
    turn.store(expected + 1, Ordering::Release);
}

/// The cost of an unpark for its caller, and the time after it until the thread runs.
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
        let unparked = epoch.elapsed().as_nanos() as f64;
        taken.push(unparked - begun);
        while runs_since.load(Ordering::Acquire) == 0 {
            spin_loop();
        }
        until_it_ran.push(runs_since.load(Ordering::Acquire) as f64 - unparked);
    }
    over.store(true, Ordering::Release);
    sleeper.thread().unpark();
    sleeper.join().expect("it was unparked");
    (typical(taken), typical(until_it_ran))
}

/// The figure that one in ten is below: the fastest of all was luck.
fn typical(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 10]
}

/// As `pause` in `worker.rs`.
fn pause() -> f64 {
    each(|| (0..4).for_each(|_| spin_loop()))
}

/// As `spin_and_park` in `runtime/alarm.rs`.
fn alert() -> f64 {
    let word = AtomicBool::new(false);
    let look = |round: u32| {
        black_box(word.load(Ordering::Relaxed));
        match round.is_multiple_of(16) {
            true => thread::yield_now(),
            false => spin_loop(),
        }
    };
    let figure = |_| {
        let begun = Instant::now();
        (1..=400).for_each(look);
        begun.elapsed().as_nanos() as f64
    };
    fastest((0..FIGURES).map(figure))
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
