//! `laneway-jobs` measured against other durable queues, in one run. See `README.md` for the method
//! and the results.
//!
//! Two programs: `laneway-jobs-bench`, which measures and reports, and `laneway-jobs-peers`, which
//! it builds in `peers/` and runs for what is not Laneway.
//!
//! `compare.rs` is the story, `options.rs` what may be said on the command line, and `section.rs`
//! what there is to measure. `contest.rs` lets the peers take turns, each round in a fresh process
//! (`program.rs`), which is told what to do by an `assignment.rs`, measures phases of work by a
//! `gauge.rs`, and counts runs in a `tally.rs`. `throughput.rs`, `starts.rs`, `overtaking.rs`,
//! `growth.rs` (whose rows come from `filling.rs`) and `processes.rs` are Laneway's part.
//! `figures.rs` are the numbers, `kept.rs` the files that keep them, and `report.rs` the tables.

#![forbid(unsafe_code)]

mod assignment;
mod cluster;
mod compare;
mod contest;
mod databases;
mod figures;
mod filling;
mod folder;
mod gauge;
mod growth;
mod kept;
#[path = "../../peers/src/markdown.rs"]
mod markdown;
#[path = "../../peers/src/marks.rs"]
mod marks;
mod no_op;
mod opened;
mod options;
mod overtaking;
mod peer;
mod processes;
mod program;
mod report;
mod section;
#[allow(dead_code, reason = "the tests' server can be stopped as well")]
#[path = "../../../crates/laneway-jobs/src/postgres/own_server.rs"]
mod server;
mod server_time;
mod starts;
#[allow(dead_code, reason = "intervals are of no use for so few rounds")]
#[path = "../../peers/src/statistics.rs"]
mod statistics;
mod store_kind;
mod tally;
mod throughput;

pub use compare::compare;
