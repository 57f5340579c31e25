//! The six workloads on runtimes that are alike but for who watches.
//!
//! On which core a thread lands is settled early in the life of a process, and decides what a
//! wake-up costs. So the program starts itself several times; each process has one runtime for
//! each who watches, and runs everything on all of them round by round, in an order drawn anew.
//! A ratio is that of two medians of the same process; what is printed is the median of the
//! processes' ratios, and in brackets the smallest and the largest, which hold the true one with
//! a probability of 94%. The program starts with two runtimes that nobody watches: by how much
//! they differ is noise. `deaf` and `clock` are observers that keep nothing: what it costs to tell
//! anybody at all, and with one look at the clock in each poll.

use std::collections::HashMap;
use std::env;
use std::process::Command;

use clap::ValueEnum;
use laneway::Runtime;

use crate::subject::{Load, Watch};

/// What this program says to itself when it is to be one of the processes.
pub(crate) const IN_CHILD: &str = "--in-child";

const PROCESSES: usize = 5;
const ROUNDS: usize = 11;

const WATCHES: [Watch; 7] = [
    Watch::Nobody,
    Watch::NobodyAgain,
    Watch::Metrics,
    Watch::Deaf,
    Watch::Clock,
    Watch::Monitor,
    Watch::Recorder,
];

/// Nanoseconds of one process, by what was done and who watched.
type Samples = HashMap<(Load, Watch), Vec<f64>>;

/// Prints how much longer everything takes when it is watched.
pub(crate) fn compare() {
    println!("How many times as long it takes if it is watched, by whom:\n");
    let watches: String = WATCHES[1..]
        .iter()
        .map(|watch| format!("{:>20}", watch.name()))
        .collect();
    println!("{:<16}{:>10}{watches}", "", "ms");
    let processes: Vec<Samples> = (0..PROCESSES).map(|_| run_child()).collect();
    for load in Load::all() {
        let ms = processes
            .iter()
            .map(|of| median(&of[&(load, Watch::Nobody)]) / 1e6);
        let ratios = WATCHES[1..].iter().map(|&watch| {
            let ratios = processes.iter().map(|of| ratio(of, load, watch));
            format!("{:>20}", interval(ratios.collect()))
        });
        let ratios: String = ratios.collect();
        println!(
            "{:<16}{:>10.2}{ratios}",
            load.name(),
            median(&ms.collect::<Vec<_>>())
        );
    }
    let means = WATCHES[1..].iter().map(|&watch| {
        let means = processes.iter().map(|of| mean_ratio(of, watch));
        format!("{:>20}", interval(means.collect()))
    });
    println!(
        "{:<26}{}",
        "geometric mean of six",
        means.collect::<String>()
    );
}

fn ratio(samples: &Samples, load: Load, watch: Watch) -> f64 {
    median(&samples[&(load, watch)]) / median(&samples[&(load, Watch::Nobody)])
}

/// The geometric mean over the six workloads.
fn mean_ratio(samples: &Samples, watch: Watch) -> f64 {
    let logarithms = Load::SIX.map(|load| ratio(samples, load, watch).ln());
    (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn interval(ratios: Vec<f64>) -> String {
    let smallest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({smallest:.2}..{largest:.2})", median(&ratios))
}

// The processes.

fn run_child() -> Samples {
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program).arg(IN_CHILD).output();
    let output = output.expect("this program can be started again");
    assert!(
        output.status.success(),
        "a process ended with {}",
        output.status
    );
    let text = String::from_utf8(output.stdout).expect("the process prints text");
    let mut samples = Samples::new();
    for line in text.lines() {
        let (what, ns) = sample(line).expect("the process prints samples");
        samples.entry(what).or_default().push(ns);
    }
    samples
}

fn sample(line: &str) -> Option<((Load, Watch), f64)> {
    let (load, rest) = line.split_once(',')?;
    let (watch, ns) = rest.split_once(',')?;
    let watch = Watch::from_str(watch, false).ok()?;
    Some(((Load::of(load), watch), ns.parse().ok()?))
}

/// Everything once to warm up, and then round by round.
pub(crate) fn in_this_process() {
    let one_each = || Runtime::builder().with_high_num(1).with_low_num(1);
    let mut pairs = Vec::new();
    for watch in WATCHES {
        let runtime = watch.start(one_each());
        pairs.extend(Load::all().into_iter().map(|load| (load, watch, runtime)));
    }
    for round in 0..=ROUNDS {
        fastrand::shuffle(&mut pairs);
        for &(load, watch, runtime) in &pairs {
            let took = runtime.time(load);
            if round > 0 {
                println!("{},{},{}", load.name(), watch.name(), took.as_nanos());
            }
        }
    }
}
