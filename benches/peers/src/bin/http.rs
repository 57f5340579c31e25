//! One of the servers that are compared over HTTP: `laneway-peers-http NAME THREADS STEPS`.
//!
//! It prints its address, and what it has used so far for each line that it reads. It ends with its
//! input. `STEPS` is what each poll of the low tasks beside it computes; 0: there are none.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let served = match &arguments[..] {
        [peer, threads, steps] => laneway_peers::serve_http(peer, threads, steps),
        _ => None,
    };
    if served.is_none() {
        eprintln!("usage: laneway-peers-http NAME THREADS STEPS");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
