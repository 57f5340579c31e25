//! How many instructions a task costs, counted by callgrind: a figure that does not depend on
//! what else the machine is doing, so that a slower commit shows.
//!
//! ```text
//! cargo bench --bench instructions              # counts, and compares with the kept figures
//! cargo bench --bench instructions -- --write   # keeps the new figures
//! ```
//!
//! It needs valgrind. Each operation is done twice under callgrind, a few times and many times;
//! the difference, divided, is what one costs, whatever the program does at its start and end.
//! The runtime has one thread, so that nothing is stolen and nobody spins while there is work.

#[path = "../examples/output/mod.rs"]
mod output;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::task::Poll;

use futures_lite::future::yield_now;
use laneway::{Priority, Runtime, Task, join_all, spawn_task};

/// How often an operation is done in the short run, and how much oftener in the long one.
const FEW: u64 = 10_000;
const MANY: u64 = 100_000;

/// What this program says to itself when it is to do the work under callgrind.
const DO: &str = "--do";

type Operation = fn(u64) -> Task<()>;

/// What is counted. Each is given how often, and runs inside the runtime.
const OPERATIONS: [(&str, Operation); 4] = [
    ("spawn and run", |times| spawn_task!(spawn_and_run(times))),
    ("yield", |times| spawn_task!(yields(times))),
    ("wake", |times| spawn_task!(wakes(times))),
    ("join", |times| spawn_task!(joins(times))),
];

fn main() -> ExitCode {
    output::may_end("instructions");
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [DO, name, times] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        run_here(name, times.parse().expect("given by this program"));
        return ExitCode::SUCCESS;
    }
    // `cargo bench` adds this one.
    let known = |argument: &&String| ["--bench", "--write"].contains(&argument.as_str());
    if let Some(unknown) = arguments.iter().find(|argument| !known(argument)) {
        eprintln!("{unknown:?} is not an option; there is --write");
        return ExitCode::from(2);
    }
    match count_all() {
        Ok(counts) => report(
            &counts,
            arguments.iter().any(|argument| argument == "--write"),
        ),
        Err(error) => {
            eprintln!("valgrind could not run ({error}); on Debian, apt-get install valgrind");
            ExitCode::from(2)
        }
    }
}

// The operations.

/// Spawns tasks that are ready at once, and lets them run a hundred at a time.
async fn spawn_and_run(times: u64) {
    for _ in 0..times / 100 {
        for _ in 0..100 {
            spawn_task!(async {}).detach();
        }
        yield_now().await;
    }
}

async fn yields(times: u64) {
    for _ in 0..times {
        yield_now().await;
    }
}

/// Two tasks wake each other, in turn.
async fn wakes(times: u64) {
    let (to_echo, at_echo) = async_channel::bounded(1);
    let (to_caller, at_caller) = async_channel::bounded(1);
    let echo = spawn_task!(async move {
        while at_echo.recv().await.is_ok() {
            if to_caller.send(()).await.is_err() {
                return;
            }
        }
    });
    for _ in 0..times / 2 {
        to_echo.send(()).await.expect("the echo listens");
        at_caller.recv().await.expect("the echo answers");
    }
    drop(to_echo);
    echo.await;
}

/// Joins tasks that have ended, a hundred at a time: what `join!` itself costs, after
/// "spawn and run" is taken off.
async fn joins(times: u64) {
    for _ in 0..times / 100 {
        let tasks: Vec<Task<()>> = (0..100).map(|_| spawn_task!(async {})).collect();
        poll_fn(|cx| match tasks.iter().all(Task::is_finished) {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        join_all(tasks);
    }
}

fn run_here(name: &str, times: u64) {
    let (_, operation) = OPERATIONS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("given by this program");
    let one_thread = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = one_thread.build().expect("one thread can be had");
    rt.block_on(async { spawn_task!(operation(times), Priority::Low).await });
}

// Counting.

fn count_all() -> io::Result<BTreeMap<String, u64>> {
    OPERATIONS
        .iter()
        .map(|(name, _)| Ok((name.to_string(), count(name)?)))
        .collect()
}

/// The instructions that one operation costs.
fn count(name: &str) -> io::Result<u64> {
    let few = collect(name, FEW)?;
    let many = collect(name, FEW + MANY)?;
    Ok(many.saturating_sub(few) / MANY)
}

/// Runs this program under callgrind and reads the total that it prints.
fn collect(name: &str, times: u64) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([DO, name, &times.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said.lines().find_map(|line| line.split_once("Collected :"));
    total
        .and_then(|(_, total)| total.trim().parse().ok())
        .ok_or_else(|| io::Error::other(said.into_owned()))
}

// Reporting.

fn kept_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.csv")
}

/// The kept figures. None yet is fine.
fn kept() -> BTreeMap<String, u64> {
    let text = fs::read_to_string(kept_file()).unwrap_or_default();
    let line = |line: &str| {
        let (name, count) = line.split_once(',')?;
        Some((name.to_owned(), count.trim().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn report(counts: &BTreeMap<String, u64>, write: bool) -> ExitCode {
    let kept = kept();
    println!(
        "{:<16}{:>14}{:>10}{:>10}",
        "", "instructions", "kept", "change"
    );
    for (name, &count) in counts {
        let (before, change) = match kept.get(name) {
            Some(&before) => {
                let change = 100.0 * (count as f64 / before as f64 - 1.0);
                (before.to_string(), format!("{change:+.1} %"))
            }
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!("{name:<16}{count:>14}{before:>10}{change:>10}");
    }
    if write {
        let lines = counts
            .iter()
            .map(|(name, count)| format!("{name},{count}\n"));
        let text = format!("operation,instructions\n{}", lines.collect::<String>());
        if let Err(error) = fs::write(kept_file(), text) {
            eprintln!("could not write {:?}: {error}", kept_file());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
