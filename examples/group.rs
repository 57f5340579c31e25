//! Tasks that belong together: `cargo run --release --example group` joins them as they end, lets
//! three of them race and cancels the losers, and stops a group at its first error.

mod record;

use std::num::ParseIntError;
use std::panic::resume_unwind;
use std::time::Duration;

use laneway::time::sleep;
use laneway::{BuildError, Priority, Runtime, TaskGroup};

use record::Record;

/// A server that takes its time to answer.
async fn ask(name: &'static str, answers_after: Duration) -> &'static str {
    sleep(answers_after).await;
    if name == "broken" {
        // As `panic!`, without the message on the standard error.
        resume_unwind(Box::new("out of order"));
    }
    name
}

fn servers() -> TaskGroup<&'static str> {
    let mut group = TaskGroup::new();
    for (name, millis) in [("far", 220), ("broken", 420), ("near", 20)] {
        group.spawn(ask(name, Duration::from_millis(millis)), Priority::Low);
    }
    group
}

/// All answers, the first first. A panic costs the others nothing.
async fn join_as_they_end() {
    let mut group = servers();
    while let Some(result) = group.join_next().await {
        match result {
            Ok(name) => println!("join_next    {name} answered"),
            Err(error) => {
                let message = error.into_panic().downcast::<&str>();
                println!("join_next    broken panicked: {}", message.expect("a word"));
            }
        }
    }
    println!("join_next    nobody is left");
}

/// One answer is enough.
async fn race() {
    let mut group = servers();
    let winner = group.join_next().await.expect("there are three");
    let losers = group.len();
    // Comes back when they are gone. A drop of the group would cancel them as well.
    group.cancel_all().await;
    println!(
        "race         {} won, {losers} were cancelled",
        winner.expect("the nearest is in order")
    );
}

/// Parses every line in a task of its own, until one is wrong.
async fn first_error(lines: &[&'static str]) -> Result<Vec<u32>, (usize, ParseIntError)> {
    let mut group = TaskGroup::new();
    for (number, line) in (1..).zip(lines.iter().copied()) {
        let parse = async move { line.parse().map_err(|error| (number, error)) };
        group.spawn(parse, Priority::Low);
    }
    group.first_error().await
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("group");

    let rt = record.watch(Runtime::builder()).build()?;
    rt.block_on(async {
        join_as_they_end().await;
        race().await;
        match first_error(&["1", "two", "3"]).await {
            Ok(numbers) => println!("first_error  none: {numbers:?}"),
            Err((line, error)) => println!("first_error  line {line}: {error}"),
        }
    });
    record.save();
    Ok(())
}
