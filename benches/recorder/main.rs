//! What watching a runtime costs: its metrics read, a monitor, a recorder.
//!
//! ```text
//! cargo bench --bench recorder                      # times, and ten million events: a minute
//! cargo bench --bench recorder -- instructions      # counted by callgrind: two minutes
//! cargo bench --bench recorder -- times             # or a part of the first: times, long
//! ```
//!
//! `times.rs` runs the six workloads of `benches/peers` on runtimes that are alike but for who
//! watches; `instructions.rs` counts what does not depend on what else the machine is doing;
//! `long.rs` looks for pauses.

mod instructions;
mod long;
mod subject;
mod times;
// Urgent tasks are spawned by the other program that shares it.
#[path = "../../examples/output/mod.rs"]
mod output;
#[allow(dead_code)]
#[path = "../workloads/mod.rs"]
mod workloads;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    output::may_end("recorder");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // `cargo bench` adds the last one.
        [] | ["--bench"] => {
            times::compare();
            println!();
            long::measure();
        }
        ["times", ..] => times::compare(),
        ["long", ..] => long::measure(),
        ["instructions", ..] => return instructions::count(),
        // What the program says to itself.
        [times::IN_CHILD] => times::in_this_process(),
        [instructions::DO, load, watch, times] => instructions::run_here(load, watch, times),
        _ => {
            eprintln!("there are: times, long, instructions");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
