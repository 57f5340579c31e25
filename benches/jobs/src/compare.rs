//! The program: what it measures, in which order, and what becomes of it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, ValueEnum};

use crate::assignment::Assignment;
use crate::contest::Contest;
use crate::figures::{Figure, Figures};
use crate::filling::Filling;
use crate::options::{Options, in_one_line};
use crate::peer::Peer;
use crate::program::{CHILD, Work};
use crate::{growth, kept, overtaking, processes, report, starts, throughput};

/// The code of a program that was started with wrong arguments.
const WRONG: u8 = 2;

/// Runs the program.
pub fn compare() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == CHILD).is_some() {
        return be_child(arguments);
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => return refuse(&in_one_line(&error)),
    };
    if options.render {
        return ended(kept::render());
    }
    match Contest::new(&options) {
        Ok(contest) => ended(run(&options, contest)),
        Err(error) => refuse(&format!("error: {error}")),
    }
}

fn refuse(told: &str) -> ExitCode {
    eprintln!("{told}");
    ExitCode::from(WRONG)
}

fn ended(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, mut contest: Contest<'_>) -> io::Result<()> {
    for &section in options.sections() {
        eprintln!("measuring: {}", section.name());
        let load = load();
        let mut figures = contest.measure(section)?;
        add_machine(load, &mut figures);
        // Kept first: a reader of the report may leave early.
        if options.keeps() {
            kept::keep(section, &figures)?;
        }
        println!("{}", report::section(section, &figures));
    }
    if options.keeps() {
        kept::render()
    } else {
        Ok(())
    }
}

fn add_machine(load: Option<f64>, figures: &mut Figures) {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let mut add = |name, value| figures.push(0, Peer::Laneway, Figure::new(name, value));
    add("cores", cores as f64);
    if let Some(load) = load {
        add("load", load);
    }
}

/// The load average of the last minute.
fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Does what this program has started itself for.
fn be_child(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let work = arguments.next();
    let work = work.and_then(|work| Work::from_str(work.to_str()?, false).ok());
    let program = OsString::from("laneway-jobs-bench");
    let assignment = Assignment::try_parse_from([program].into_iter().chain(arguments));
    let (work, assignment) = match (work, assignment) {
        (Some(work), Ok(assignment)) => (work, assignment),
        (None, _) => return refuse("error: --child is for the program itself"),
        (_, Err(error)) => return refuse(&in_one_line(&error)),
    };
    match work {
        Work::Throughput => throughput::measure(&assignment),
        Work::Starts => starts::measure(&assignment),
        Work::Overtaking => overtaking::measure(&assignment),
        Work::GrowthDone => growth::measure(&assignment, Filling::Done),
        Work::GrowthReady => growth::measure(&assignment, Filling::Ready),
        Work::GrowthScheduled => growth::measure(&assignment, Filling::Scheduled),
        Work::Process => processes::work(&assignment),
    }
    ExitCode::SUCCESS
}
