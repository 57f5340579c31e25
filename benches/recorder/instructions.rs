//! What an event costs in instructions, counted by callgrind.
//!
//! Each workload is run once and twice on one worker thread; the difference is what one run takes,
//! whatever the program does at its start and end. It is divided by the events that a run tells.
//!
//! In spawn-inside, how often the task that awaits the others is woken differs from run to run, and
//! with it the events: that line is good to a factor of two, the others to a few percent.

use std::env;
use std::io;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;
use laneway::observe::{Event, Observer};
use laneway::{Builder, Runtime};

use crate::subject::{Load, Watch};

/// What this program says to itself when it is to do the work under callgrind.
pub(crate) const DO: &str = "--do";

const WATCHES: [Watch; 3] = [Watch::Deaf, Watch::Monitor, Watch::Recorder];

/// Prints, for each workload, the instructions that nobody's watching saves.
pub(crate) fn count() -> ExitCode {
    println!("Instructions of a run, and how many more for each event, to tell it to nobody in");
    println!("particular, to a monitor, to a recorder. The clock is the kernel's here.\n");
    let watches = WATCHES
        .map(|watch| format!("{:>10}", watch.name()))
        .concat();
    println!("{:<16}{:>14}{:>10}{watches}", "", "nobody", "events");
    for load in Load::SIX {
        match line(load) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("valgrind could not run ({error}); on Debian, apt-get install valgrind");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}

fn line(load: Load) -> io::Result<String> {
    let events = events_of(load);
    let nobody = instructions(load, Watch::Nobody)?;
    let mut line = format!("{:<16}{nobody:>14}{events:>10}", load.name());
    for watch in WATCHES {
        let more = instructions(load, watch)?.saturating_sub(nobody);
        line += &format!("{:>10}", more / events);
    }
    Ok(line)
}

/// The instructions of one run.
fn instructions(load: Load, watch: Watch) -> io::Result<u64> {
    let (one, two) = (collect(load, watch, "1")?, collect(load, watch, "2")?);
    Ok(two.saturating_sub(one))
}

/// Runs this program under callgrind and reads the total that it prints.
fn collect(load: Load, watch: Watch, times: &str) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([DO, &load.name(), &watch.name(), times])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said.lines().find_map(|line| line.split_once("Collected :"));
    total
        .and_then(|(_, total)| total.trim().parse().ok())
        .ok_or_else(|| io::Error::other(said.into_owned()))
}

pub(crate) fn run_here(load: &str, watch: &str, times: &str) {
    let watch = Watch::from_str(watch, false).expect("given by this program");
    let times = times.parse().expect("given by this program");
    let runtime = watch.start(one_thread());
    (0..times).for_each(|_| Load::of(load).run(runtime));
}

fn one_thread() -> Builder {
    Runtime::builder().with_high_num(0).with_low_num(1)
}

/// How many events one run tells.
fn events_of(load: Load) -> u64 {
    struct Counter(AtomicU64);
    impl Observer for Counter {
        fn on_event(&self, _event: Event) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counter = Arc::new(Counter(AtomicU64::new(0)));
    let builder = one_thread().with_observer(counter.clone());
    load.run(Watch::Nobody.start(builder));
    counter.0.load(Ordering::Relaxed)
}
