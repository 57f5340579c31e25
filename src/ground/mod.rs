//! The ground that the rest of the crate stands on.
//!
//! These modules use each other, and nothing of the crate beside this folder: they know neither
//! workers nor runtimes. From the lowest to the highest:
//!
//! - `ids.rs`: the numbers by which tasks, workers, queues, crews and runtimes are known.
//! - `os_thread/`: the niceness and the core of a thread of the system.
//! - `core_use.rs`: whether a thread gives up its core where it waits.
//! - `moment.rs`: a moment that a thread which spins lets pass.
//! - `sync.rs`: the primitives of the protocols between threads, or the model checker's.
//! - `channel.rs`: a ring of values under a lock.
//! - `next_slot.rs`: room for one value.
//! - `large.rs`: values that are boxed on their way.
//! - `growth.rs`: tables that grow, and give memory back.
//! - `shield.rs`: panics of the user's code, and where they end.
//! - `poll/`: the poll that is under way on a thread, as the code in it and around it knows it.
//! - `waker/`: wakers that are kept for other code.
//! - `telemetry/`: the events and counts of the core.
//! - `loans.rs`: the priority that a caller lends to the task that serves it.
//! - `sift_mark.rs`: the count of raises at which a place was last sifted.
//! - `task_numbers.rs`: the numbers of a runtime's tasks.
//! - `join_error.rs`: the error that an awaiter gets from a task without an output.

pub(crate) mod channel;
pub(crate) mod core_use;
pub(crate) mod growth;
pub(crate) mod ids;
pub(crate) mod join_error;
pub(crate) mod large;
pub(crate) mod loans;
pub(crate) mod moment;
pub(crate) mod next_slot;
#[cfg_attr(not(target_os = "linux"), path = "os_thread/elsewhere.rs")]
pub(crate) mod os_thread;
pub(crate) mod poll;
pub(crate) mod shield;
pub(crate) mod sift_mark;
pub(crate) mod sync;
pub(crate) mod task_numbers;
pub(crate) mod telemetry;
pub(crate) mod waker;
