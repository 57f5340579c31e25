//! Waiting for results: `cargo run --release --example join` prints the outputs of tasks that are
//! joined by name, from a collection, with a panic among them, and from inside a task.
//!
//! The panic's message appears on stderr too, as that of any panic does.

mod record;

use laneway::{join, join_all, spawn_task, try_join};

use record::Record;

async fn collatz_steps(start: u64) -> u64 {
    let next = |n: &u64| match n % 2 {
        0 => Some(n / 2),
        _ => Some(3 * n + 1),
    };
    let path = std::iter::successors(Some(start), next);
    path.take_while(|&n| n != 1).count() as u64
}

async fn divide(dividend: u64, divisor: u64) -> u64 {
    assert!(divisor != 0, "division of {dividend} by zero");
    dividend / divisor
}

fn main() {
    let record = Record::from_args("join");
    record.watch_global();

    // A few tasks: the outputs come in the order of the arguments, whichever ends first.
    let slow = spawn_task!(collatz_steps(63_728_127));
    let quick = spawn_task!(collatz_steps(8));
    println!("join!     {:?}", join!(slow, quick));

    // Many tasks.
    let tasks = (1..=10).map(|n| spawn_task!(collatz_steps(n)));
    println!("join_all  {:?}", join_all(tasks));

    // With `join!` a task's panic goes on here. `try_join!` makes it a value, and the other tasks
    // come to their end.
    let fine = spawn_task!(divide(10, 5));
    let broken = spawn_task!(divide(10, 0));
    for result in try_join!(fine, broken) {
        match result {
            Ok(quotient) => println!("try_join! gives {quotient}"),
            Err(error) => println!("try_join! finds that {error}"),
        }
    }

    // Inside a task it works too: another thread takes this one's place while it blocks. In async
    // code, awaiting is cheaper.
    let nested = spawn_task!(async {
        let blocking: u64 = join!(spawn_task!(collatz_steps(27))).into_iter().sum();
        let awaiting = spawn_task!(collatz_steps(27)).await;
        blocking + awaiting
    });
    println!("nested    {:?}", join!(nested));
    record.save();
}
