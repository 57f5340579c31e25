//! One of the servers that are compared over HTTP: `laneway-peers-http NAME THREADS STEPS WIRE`.
//!
//! It prints its address, and what it has used so far for each line that it reads. It ends with its
//! input. `STEPS` is what each poll of the low tasks beside it computes; 0: there are none. `WIRE`
//! is `plain` or `tls`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let served = match &arguments[..] {
        [peer, threads, steps, wire] => laneway_peers::serve_http(peer, threads, steps, wire),
        _ => None,
    };
    if served.is_none() {
        eprintln!("usage: laneway-peers-http NAME THREADS STEPS plain|tls");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
