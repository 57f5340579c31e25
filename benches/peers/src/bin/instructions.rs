//! Prints where the instructions of a request over HTTP go, in each of the servers: see
//! `http/instructions.rs`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(argument) = env::args().nth(1) {
        eprintln!("{argument:?} is not an option; there is none");
        return ExitCode::from(2);
    }
    if let Err(error) = laneway_peers::count_instructions() {
        eprintln!("nothing could be counted ({error}); on Debian, apt-get install valgrind");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
