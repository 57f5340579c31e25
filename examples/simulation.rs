//! A bug that shows in one run of many, found and kept: `cargo run --release --example simulation`
//! explores the schedules of a small program, shows the one that breaks it, and checks the fix.

mod record;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use laneway::observe::{Event, Observer};
use laneway::sim::{Sim, explore};
use laneway::{TaskId, spawn_task, yield_now};

use record::Record;

/// The last ticket. Two buyers want it.
#[derive(Default)]
struct Ticket {
    sold: AtomicU32,
}

impl Ticket {
    /// Looks first and sells later: in between, the other may have looked too.
    async fn sell_late(&self) {
        if self.sold.load(Ordering::Relaxed) == 0 {
            yield_now().await; // asks the bank
            self.sold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sells in one piece, and asks the bank afterwards.
    async fn sell_at_once(&self) {
        let sold = (self.sold).compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
        if sold.is_ok() {
            yield_now().await;
        }
    }
}

/// Two buyers, each in a task of its own.
async fn two_buyers(fixed: bool) {
    let ticket = Arc::new(Ticket::default());
    let buyers = ["ann", "bob"].map(|name| {
        let ticket = ticket.clone();
        let buys = async move {
            match fixed {
                true => ticket.sell_at_once().await,
                false => ticket.sell_late().await,
            }
        };
        spawn_task!(name = name, buys)
    });
    for buyer in buyers {
        buyer.await;
    }
    assert_eq!(ticket.sold.load(Ordering::Relaxed), 1, "tickets sold");
}

/// Prints who was polled where, under one seed.
fn print_schedule(seed: u64) {
    let events = Arc::new(Polls::default());
    sell_twice(seed, events.clone());
    for line in &*events
        .lines
        .lock()
        .expect("nobody panics while writing a line")
    {
        println!("schedule   {line}");
    }
}

/// Records the same schedule once more, if that was asked for.
fn record_schedule(seed: u64, record: &Record) {
    let Some(recorder) = record.recorder() else {
        return;
    };
    sell_twice(seed, recorder);
    record.save();
}

/// Runs the schedule of a seed that fails.
fn sell_twice(seed: u64, observer: Arc<dyn Observer>) {
    let sim = Sim::seed(seed).observer(observer);
    let run = AssertUnwindSafe(|| sim.run(two_buyers(false)).map(|run| run.output));
    let panicked = quietly(|| catch_unwind(run));
    assert!(panicked.is_err(), "one seed, one run");
}

/// The message of a panic is in the failure; not a thousand times on the standard error.
fn quietly<T>(simulate: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let simulated = simulate();
    std::panic::set_hook(hook);
    simulated
}

/// Writes down each poll.
#[derive(Default)]
struct Polls {
    names: Mutex<HashMap<TaskId, String>>,
    lines: Mutex<Vec<String>>,
}

impl Observer for Polls {
    fn on_named(&self, task: TaskId, name: &str) {
        let mut names = self.names.lock().expect("nobody panics while naming");
        names.insert(task, name.to_owned());
    }

    fn on_event(&self, event: Event) {
        if let Event::PollEnded { task, worker, end } = event {
            let names = self.names.lock().expect("nobody panics while naming");
            let line = format!("worker {} polls {}: {end:?}", worker.index(), names[&task]);
            let lines = self.lines.lock();
            lines
                .expect("nobody panics while writing a line")
                .push(line);
        }
    }
}

fn main() -> ExitCode {
    let record = Record::from_args("simulation");

    let Err(failure) = quietly(|| explore(1_000, || two_buyers(false))) else {
        eprintln!("no schedule sells the ticket twice, which is not so");
        return ExitCode::FAILURE;
    };
    println!("explore    {failure}");
    print_schedule(failure.seed);
    record_schedule(failure.seed, &record);
    match explore(1_000, || two_buyers(true)) {
        Ok(explored) => {
            let (seeds, distinct) = (explored.seeds, explored.distinct);
            println!(
                "fixed      {seeds} seeds, {distinct} different runs, one ticket sold in each"
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
