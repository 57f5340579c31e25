//! Laneway on more cores than this machine has.
//!
//! ```text
//! cargo run --release -p laneway-scale                # counts, predicts, and draws
//! cargo run --release -p laneway-scale -- --real      # and measures on the cores that there are
//! cargo run --release -p laneway-scale -- --costs     # measures anew what each thing costs here
//! cargo run --release -p laneway-scale -- --places    # says where in the source counts come from
//! ```
//!
//! The README tells what the columns mean and how the prediction is made.

mod calibrate;
mod plot;
mod real;
mod simulated;
mod table;
// Urgent tasks and the other forms belong to other programs that share it.
#[path = "../../../examples/output/mod.rs"]
mod output;
#[allow(dead_code)]
#[path = "../../workloads/mod.rs"]
mod workloads;

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use laneway_counted::counted::Costs;

use table::Row;
use workloads::Workload;

const WORKERS: [u16; 7] = [2, 4, 8, 16, 32, 64, 128];

/// Counts what Laneway's workers do to each other, and predicts what that comes to.
#[derive(Debug, Parser)]
struct Options {
    /// Numbers of workers, at least 2 each.
    #[arg(long, value_delimiter = ',', default_values_t = WORKERS,
        value_parser = clap::value_parser!(u16).range(2..=256))]
    workers: Vec<u16>,
    /// Only this workload.
    #[arg(long)]
    workload: Option<Workload>,
    /// Runs one of so many equal parts of each workload.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    parts: u16,
    /// The seed of the simulations.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measures what each thing costs on this machine, and keeps it.
    #[arg(long)]
    costs: bool,
    /// Measures the workloads on as many of this machine's cores as the numbers of workers ask for.
    #[arg(long)]
    real: bool,
    /// Prints where in the source the shared writes and the looks are made.
    #[arg(long)]
    places: bool,
    /// Measures one workload in this process, on so many threads.
    #[arg(long = "do", num_args = 2, hide = true)]
    child: Option<Vec<String>>,
}

fn main() -> ExitCode {
    output::may_end("laneway-scale");
    let options = Options::parse();
    if let Some(child) = &options.child {
        return measure_here(child);
    }
    match report(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What this program's child does.
fn measure_here(words: &[String]) -> ExitCode {
    let workload = Workload::from_str(&words[0], false);
    match (workload, words[1].parse()) {
        (Ok(workload), Ok(threads)) => {
            println!("{}", real::in_this_process(workload, threads));
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}

fn report(options: &Options) -> io::Result<()> {
    let costs = costs(options)?;
    let mut rows = Vec::new();
    for &workload in Workload::value_variants() {
        if options.workload.is_some_and(|only| only != workload) {
            continue;
        }
        for &workers in &options.workers {
            rows.push(row(options, workload, usize::from(workers), costs)?);
        }
    }
    println!("{}", table::markdown(&rows));
    if options.workload.is_some() || options.workers != WORKERS {
        println!("A part of the workloads or workers is not drawn.");
        return Ok(());
    }
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/curves.svg");
    fs::write(picture, plot::svg(&rows))?;
    println!("The curves are drawn in {picture}");
    Ok(())
}

fn costs(options: &Options) -> io::Result<Costs> {
    if !options.costs {
        return Ok(calibrate::kept());
    }
    let costs = calibrate::costs();
    calibrate::keep(&costs)?;
    for (name, value) in Costs::NAMES.iter().zip(costs.values()) {
        println!("{name:<10}{value:>10.1} ns");
    }
    println!();
    Ok(costs)
}

fn row(options: &Options, workload: Workload, workers: usize, costs: Costs) -> io::Result<Row> {
    let parts = usize::from(options.parts);
    let row = Row {
        workload: real::name(workload),
        workers,
        tasks: simulated::tasks(workload, parts),
        counts: simulated::play(workload, workers, (options.seed, parts), costs),
        measured: match options.real && workers <= real::cores() {
            true => Some(real::measure(workload, workers)?),
            false => None,
        },
    };
    eprintln!("{} on {workers} workers", row.workload);
    if options.places {
        print_places(&row);
    }
    Ok(row)
}

fn print_places(row: &Row) {
    println!(
        "{} on {} workers, for each task:",
        row.workload, row.workers
    );
    for place in row.counts.places.iter().take(16) {
        let [writes, looks] = [place.shared_writes, place.looks].map(|count| row.per_task(count));
        println!(
            "{writes:>10.3} shared writes {looks:>10.3} looks  {}",
            place.source
        );
    }
}
