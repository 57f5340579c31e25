//! Measures `laneway-jobs` against other durable queues. `--help` tells the options.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::process::ExitCode;

fn main() -> ExitCode {
    output::may_end("laneway-jobs-bench");
    laneway_jobs_bench::compare()
}
