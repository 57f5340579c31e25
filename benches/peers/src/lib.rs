//! Laneway measured against other runtimes, in one run. See `README.md` for the method, and for
//! what speaks for and against it.
//!
//! Two programs: `laneway-peers`, which measures and reports, and `laneway-peers-memory`, which
//! it runs for the one thing that it cannot measure itself, since an allocator that counts would
//! slow everything else down.
//!
//! `compare.rs` is the story; `executors/` holds those that are compared, `../workloads/`,
//! `latency.rs`, `growth.rs`, `idle.rs`, `memory.rs`, `timer/` and `calls/` what they are put
//! through, `measure.rs` the statistics. `results.rs` keeps what a run has measured; the READMEs
//! (`readmes.rs`) are made of what is kept: all tables (`report.rs`), and four rows (`summary.rs`).

mod calls;
mod compare;
mod executors;
mod figures;
mod growth;
mod idle;
mod latency;
mod measure;
mod memory;
mod readmes;
mod report;
mod results;
mod section;
mod subject;
mod summary;
mod table;
mod this_thread;
mod timer;
#[path = "../../workloads/mod.rs"]
mod workloads;

pub use compare::compare;
pub use memory::{Allocated, print_memory};
