//! Measures `laneway-jobs` against other durable queues. `--help` tells the options.

use std::process::ExitCode;

fn main() -> ExitCode {
    laneway_jobs_bench::compare()
}
