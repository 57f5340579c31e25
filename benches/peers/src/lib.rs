//! Laneway measured against other runtimes, in one run. See `README.md` for the method, and for
//! what speaks for and against it.
//!
//! Four programs: `laneway-peers`, which measures and reports; `laneway-peers-memory`, which it
//! runs for the one thing that it cannot measure itself, since an allocator that counts would slow
//! everything else down; `laneway-peers-http`, the servers that it is a client of; and
//! `laneway-peers-instructions`, which counts what those servers do for a request.
//!
//! `compare.rs` is the story, and `options.rs` what may be said on the command line. `peer.rs`
//! names those that are compared, `executors/` holds them and `roster.rs` starts them.
//! `../workloads/`, `turns.rs`, `latency.rs`, `heartbeat/`, `growth.rs`, `crowd.rs`, `idle.rs`,
//! `memory.rs`, `timer/`, `calls/` and `http/` are what they are put through; `harness/` gives the
//! workloads their two forms. `measure.rs` and `child.rs` run rounds in fresh processes, and
//! `statistics.rs` makes medians of them. `results.rs` keeps what a run has measured; the READMEs
//! (`readmes.rs`) are made of what is kept: all tables (`report.rs`), and four rows (`summary.rs`).
//! `front_page.rs` holds the front page of Laneway's docs to the same figures.

mod calls;
mod certificate;
mod child;
mod compare;
mod computing;
mod crowd;
mod executors;
mod figures;
#[cfg(test)]
mod front_page;
mod growth;
mod harness;
mod heartbeat;
mod http;
mod idle;
mod latency;
mod markdown;
mod marks;
mod measure;
mod memory;
mod options;
mod peer;
mod profile;
mod readmes;
mod report;
mod results;
mod roster;
mod section;
#[cfg(feature = "http")]
mod servers;
#[cfg(not(feature = "http"))]
#[path = "servers_left_out.rs"]
mod servers;
mod standing;
mod statistics;
mod subject;
mod summary;
mod table;
mod this_thread;
mod timer;
mod turns;
mod wire;
#[path = "../../workloads/mod.rs"]
mod workloads;

pub use compare::compare;
pub use http::count_instructions;
pub use memory::{Allocated, print_memory};
#[cfg(feature = "http")]
pub use servers::serve_http;
