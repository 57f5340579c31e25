//! Laneway measured against other runtimes, in one run. See `README.md` for the method, and for
//! what speaks for and against it.

mod executors;
mod measure;
mod nice;
mod report;
mod workloads;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use executors::Peer;
use measure::{Effort, Medians, Plan};
use workloads::Workload;

/// Measures Laneway against other runtimes, prints the tables, and rewrites the marked sections
/// of the READMEs.
#[derive(Debug, Parser)]
struct Options {
    /// Fresh processes, one after the other [default: 5].
    #[arg(long)]
    processes: Option<usize>,
    /// Rounds in each process [default: 11].
    #[arg(long)]
    rounds: Option<usize>,
    /// Threads of each executor.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only these workloads. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Only these executors. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Few and short rounds. The READMEs are left alone unless --write is given.
    #[arg(long)]
    quick: bool,
    /// Where to keep every sample [default: this package's `results`, in a full run].
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Rewrites the READMEs even if this is no full run.
    #[arg(long, conflicts_with = "dry_run")]
    write: bool,
    /// Prints and keeps nothing.
    #[arg(long)]
    dry_run: bool,
    /// What this process measures for the one that started it.
    #[arg(long, hide = true)]
    child: Option<Child>,
    #[arg(long, hide = true, default_value_t = 0)]
    process: usize,
}

/// What a process that was started by this program measures.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Child {
    Executors,
}

impl Options {
    fn plan(&self) -> Plan {
        let (processes, rounds) = if self.quick { (2, 3) } else { (5, 11) };
        Plan {
            effort: Effort {
                processes: self.processes.unwrap_or(processes),
                rounds: self.rounds.unwrap_or(rounds),
            },
            threads: self.threads,
            workloads: or_all(&self.only, Workload::value_variants()),
            peers: or_all(&self.peers, &Peer::EXECUTORS),
        }
    }

    /// Whether everything is measured as thoroughly as the READMEs promise.
    fn is_full(&self) -> bool {
        let narrowed = !self.only.is_empty() || !self.peers.is_empty();
        let shortened = self.quick || self.processes.is_some() || self.rounds.is_some();
        !narrowed && !shortened && self.threads == 2
    }

    fn rewrites(&self) -> bool {
        self.write || self.is_full() && !self.dry_run
    }

    fn csv(&self) -> Option<PathBuf> {
        let kept = || Path::new(env!("CARGO_MANIFEST_DIR")).join("results/executors.csv");
        self.csv.clone().or_else(|| self.rewrites().then(kept))
    }
}

fn or_all<T: Clone>(chosen: &[T], all: &[T]) -> Vec<T> {
    if chosen.is_empty() { all } else { chosen }.to_vec()
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let plan = options.plan();
    if let Some(Child::Executors) = options.child {
        measure::in_this_process(&plan, options.process);
        return Ok(());
    }
    let samples = measure::in_processes(&plan);
    let results = tables(&plan, &Medians::of(&samples));
    println!("{results}");
    if let Some(path) = options.csv() {
        report::write_csv(&path, &samples)?;
        eprintln!("kept {}", path.display());
    }
    if options.rewrites() {
        for readme in report::rewrite_readmes(&results)? {
            eprintln!("rewrote {}", readme.display());
        }
    }
    Ok(())
}

fn tables(plan: &Plan, medians: &Medians) -> String {
    let mut text = report::times(medians, &plan.workloads, &plan.peers);
    for &ours in plan.peers.iter().filter(|peer| peer.is_laneway()) {
        let table = report::speedups(medians, ours, &plan.workloads, &plan.peers);
        write!(text, "\n{table}").expect("a string takes everything");
    }
    text
}
