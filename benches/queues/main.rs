//! Queue configurations against each other: `cargo bench --bench queues`.
//!
//! Two tables, of configurations and of workloads, and every pair of them is measured by criterion,
//! which keeps the results and compares them with the run before. In the end there are a table for
//! each workload and a page with bars, whose path is the last line. `-- --quick` takes two minutes.
//! A part is chosen by name: `cargo bench --bench queues -- ping-pong`, or `-- /one-queue`.
//!
//! The questions behind the configurations: what a second thread per queue brings where there are
//! few cores; what stealing costs while only one queue is in use, and what a short task waits for
//! without it; what local queues are worth to tasks that deal with each other; what a reserved
//! thread costs; what naps cost against parking; and what two queues cost that one would not.

mod comparison;
mod configurations;
mod found;
mod options;
mod page;
mod pair;
mod progress;
mod table;
mod workloads;

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, thread};

use clap::Parser;

use comparison::{Comparison, Row};
use configurations::CONFIGURATIONS;
use options::{Effort, Options};
use pair::Pair;
use progress::Progress;

fn main() -> ExitCode {
    match Pair::chosen() {
        Some(pair) => {
            pair.measure();
            ExitCode::SUCCESS
        }
        None => compare(&Options::parse()),
    }
}

fn compare(options: &Options) -> ExitCode {
    let pairs = match options.pairs() {
        Ok(pairs) => pairs,
        Err(why) => return end(2, &why),
    };
    match run(&pairs, options.effort()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has closed the pipe, as `head` does: it has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => end(1, &error.to_string()),
    }
}

fn end(code: u8, why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "queues: {why}");
    ExitCode::from(code)
}

fn run(pairs: &[Pair], effort: Effort) -> io::Result<()> {
    let target = target()?;
    // The short measurements are kept apart: they are no base for the long ones.
    let home = match effort {
        Effort::Full => target.join("criterion"),
        Effort::Quick | Effort::Once => target.join("queues/criterion"),
    };
    run_each(pairs, effort, &home)?;
    match effort {
        Effort::Once => writeln!(io::stdout(), "{} pairs ran once each", pairs.len()),
        Effort::Quick => report(pairs, &home, &target, "a quick run"),
        Effort::Full => report(pairs, &home, &target, "a full run"),
    }
}

/// Cargo's folder for what it builds: the executable lies in `target/release/deps`.
fn target() -> io::Result<PathBuf> {
    let executable = env::current_exe()?;
    let target = executable.ancestors().nth(3).map(Path::to_owned);
    target.ok_or_else(|| io::Error::other("the executable does not lie in target/PROFILE/deps"))
}

fn run_each(pairs: &[Pair], effort: Effort, home: &Path) -> io::Result<()> {
    let mut progress = Progress::new(pairs.len());
    let ran = pairs.iter().try_for_each(|pair| {
        progress.begins(&pair.id());
        pair.run(effort, home)?;
        progress.ended();
        Ok(())
    });
    progress.finish();
    ran
}

/// Prints the tables, and the path of the page in the last line.
fn report(pairs: &[Pair], home: &Path, target: &Path, run: &str) -> io::Result<()> {
    let comparisons = comparisons(pairs, home)?;
    let path = target.join("queues/report.html");
    fs::create_dir_all(target.join("queues"))?;
    let about = CONFIGURATIONS.iter().map(|c| (c.name, c.about));
    let page = page::page(&comparisons, &heading(run), about);
    fs::write(&path, page)?;

    let mut stdout = io::stdout().lock();
    for comparison in &comparisons {
        writeln!(stdout, "{}", table::table(comparison))?;
    }
    writeln!(stdout, "{}", table::KEY)?;
    writeln!(stdout, "{}", path.display())
}

/// Where and how it was measured.
fn heading(run: &str) -> String {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let (system, processor) = (env::consts::OS, env::consts::ARCH);
    let version = env!("CARGO_PKG_VERSION");
    format!("laneway {version}, {run}, {cores} cores, {system} on {processor}")
}

fn comparisons(pairs: &[Pair], home: &Path) -> io::Result<Vec<Comparison>> {
    let of_one_workload = pairs.chunk_by(|a, b| a.workload.name == b.workload.name);
    of_one_workload
        .map(|pairs| {
            let rows = pairs.iter().map(|pair| row(pair, home));
            let rows = rows.collect::<io::Result<Vec<Row>>>()?;
            let workload = pairs[0].workload;
            Ok(Comparison::new(workload.name, workload.about, rows))
        })
        .collect()
}

fn row(pair: &Pair, home: &Path) -> io::Result<Row> {
    found::read(pair.configuration.name, &pair.folder(home))
}
