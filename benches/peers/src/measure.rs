//! Rounds, processes, and what is made of their numbers.
//!
//! Which core a thread lands on, and so what a wake-up costs, is settled early in the life of a
//! process and differs from one to the next. So the program starts itself again several times;
//! every process measures every executor, in rounds of random order. The median over rounds
//! stands for a process, the median over processes for the executor.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::iter;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use crate::executors::Peer;
use crate::figures::{Figure, Figures};
use crate::subject::Subject;
use crate::workloads::Workload;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) processes: usize,
    pub(crate) rounds: usize,
}

/// What is measured on whom.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) effort: Effort,
    pub(crate) threads: usize,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) peers: Vec<Peer>,
}

/// One workload run once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) process: usize,
    pub(crate) round: usize,
    pub(crate) workload: Workload,
    pub(crate) peer: Peer,
    pub(crate) ns: u64,
}

impl Sample {
    const HEADER: &str = "process,round,workload,executor,ns";

    fn to_csv(self) -> String {
        let Sample {
            process, round, ns, ..
        } = self;
        let (workload, peer) = (self.workload.name(), self.peer.name());
        format!("{process},{round},{workload},{peer},{ns}")
    }

    fn from_csv(line: &str) -> Option<Sample> {
        let fields: Vec<&str> = line.split(',').collect();
        let [process, round, workload, peer, ns] = fields[..] else {
            return None;
        };
        Some(Sample {
            process: process.parse().ok()?,
            round: round.parse().ok()?,
            workload: Workload::from_str(workload, false).ok()?,
            peer: Peer::from_str(peer, false).ok()?,
            ns: ns.parse().ok()?,
        })
    }
}

/// Measures in fresh processes, one after the other.
pub(crate) fn in_processes(plan: &Plan) -> Vec<Sample> {
    let mut samples = Vec::new();
    for process in 0..plan.effort.processes {
        eprintln!("process {} of {}", process + 1, plan.effort.processes);
        let peers: Vec<String> = plan.peers.iter().map(|peer| peer.name()).collect();
        let workloads: Vec<String> = plan.workloads.iter().map(|w| w.name()).collect();
        let lines = child(&[
            "executors".to_owned(),
            format!("--process={process}"),
            format!("--rounds={}", plan.effort.rounds),
            format!("--threads={}", plan.threads),
            format!("--peers={}", peers.join(",")),
            format!("--only={}", workloads.join(",")),
        ]);
        samples.extend(lines.iter().map(|line| {
            let sample = Sample::from_csv(line);
            sample.unwrap_or_else(|| panic!("a child process printed no sample but {line:?}"))
        }));
    }
    samples
}

/// Starts this program again and gives the lines that it prints.
pub(crate) fn child(arguments: &[String]) -> Vec<String> {
    let program = env::current_exe().expect("this program knows its own path");
    let mut child = Command::new(program)
        .arg("--child")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let output = child.stdout.take().expect("the output is piped");
    let lines: io::Result<Vec<String>> = BufReader::new(output).lines().collect();
    let status = child.wait().expect("the child process is ours to wait for");
    assert!(status.success(), "a child process ended with {status}");
    lines.expect("the child process prints text")
}

/// What a child process does: every workload on every executor, once to warm up and then round
/// by round in an order that is drawn anew each time.
pub(crate) fn in_this_process(plan: &Plan, process: usize) {
    let subjects: Vec<(Peer, &'static dyn Subject)> = plan
        .peers
        .iter()
        .map(|&peer| (peer, peer.start(plan.threads)))
        .collect();
    let mut pairs: Vec<_> = plan
        .workloads
        .iter()
        .flat_map(|&workload| subjects.iter().map(move |&subject| (workload, subject)))
        .collect();
    for round in 0..=plan.effort.rounds {
        fastrand::shuffle(&mut pairs);
        for &(workload, (peer, subject)) in &pairs {
            let took = subject.time(workload);
            let warming_up = round == 0;
            if !warming_up {
                let sample = Sample {
                    process,
                    round,
                    workload,
                    peer,
                    ns: u64::try_from(took.as_nanos()).expect("a round takes less than centuries"),
                };
                println!("{}", sample.to_csv());
            }
        }
    }
}

/// What the samples of a run are as figures: milliseconds under the name of the workload.
pub(crate) fn in_ms(samples: &[Sample]) -> Figures {
    let mut figures = Figures::default();
    for sample in samples {
        let figure = Figure::new(sample.workload.name(), sample.ns as f64 / 1e6);
        figures.push(sample.process, sample.peer, figure);
    }
    figures
}

/// Every sample.
pub(crate) fn samples_to_csv(samples: &[Sample]) -> String {
    let lines = samples.iter().map(|sample| sample.to_csv());
    let lines: Vec<String> = iter::once(Sample::HEADER.to_owned()).chain(lines).collect();
    lines.join("\n") + "\n"
}

/// Reads what [`samples_to_csv`] wrote. `None` if a line is no sample.
pub(crate) fn samples_from_csv(text: &str) -> Option<Vec<Sample>> {
    let lines = text.strip_prefix(Sample::HEADER)?.trim_start().lines();
    lines.map(Sample::from_csv).collect()
}

/// A median and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    /// The interval is made of two order statistics, the innermost pair that holds the true
    /// median with a probability of at least 93%. Of five values that is the smallest and the
    /// largest: they miss it if all five lie on one side, by chance one time in sixteen.
    pub(crate) fn of(values: &[f64]) -> Estimate {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let cut = cut_off(sorted.len());
        Estimate {
            median: median(&sorted),
            low: sorted[cut],
            high: sorted[sorted.len() - 1 - cut],
        }
    }
}

/// With what probability the interval around so many values holds the true median, in percent.
pub(crate) fn confidence(count: usize) -> f64 {
    let mut exactly = 0.5_f64.powi(i32::try_from(count).expect("few values"));
    let mut missed = 2.0 * exactly;
    for below in 0..cut_off(count) {
        exactly *= (count - below) as f64 / (below + 1) as f64;
        missed += 2.0 * exactly;
    }
    100.0 * (1.0 - missed)
}

/// How many values on either side may be left out of the interval: as many as go while the
/// chance that the median lies beyond them stays under 7%.
fn cut_off(count: usize) -> usize {
    // The probability that exactly `below` of the values lie below the true median.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).expect("few values"));
    let mut missed = 2.0 * exactly;
    let mut below = 0;
    while below < count / 2 {
        exactly *= (count - below) as f64 / (below + 1) as f64;
        missed += 2.0 * exactly;
        if missed > 0.07 {
            break;
        }
        below += 1;
    }
    below
}

/// The middle value, or the mean of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_five_values_is_all_of_them() {
        let estimate = Estimate::of(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (1.0, 3.0, 5.0)
        );
    }

    #[test]
    fn the_interval_of_many_values_leaves_the_outer_ones_out() {
        // Of 9 values, the second and the eighth miss the median in 2 * 10 of 512 cases; the third
        // and the seventh in 2 * 46 of them, which is too often.
        let values: Vec<f64> = (1..=9).map(f64::from).collect();
        let estimate = Estimate::of(&values);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (2.0, 5.0, 8.0)
        );
    }

    #[test]
    fn the_confidence_is_that_of_the_interval() {
        assert_eq!(confidence(3), 75.0);
        assert_eq!(confidence(5), 93.75);
        assert_eq!(confidence(9), 100.0 * (1.0 - 20.0 / 512.0));
    }

    #[test]
    fn one_value_is_its_own_interval() {
        let estimate = Estimate::of(&[7.0]);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (7.0, 7.0, 7.0)
        );
    }

    #[test]
    fn the_median_of_an_even_number_of_values_is_between_them() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_sample_survives_its_csv_form() {
        let line = "1,2,ping-pong,tokio-bare,345";
        assert_eq!(Sample::from_csv(line).expect("a sample").to_csv(), line);
        assert!(Sample::from_csv("1,2,ping-pong,nobody,345").is_none());
        let file = format!("{}\n{line}\n", Sample::HEADER);
        let samples = samples_from_csv(&file).expect("one sample");
        assert_eq!(samples_to_csv(&samples), file);
        assert_eq!(
            in_ms(&samples).values(Peer::TokioBare, "ping-pong"),
            Some(vec![345e-6])
        );
    }
}
