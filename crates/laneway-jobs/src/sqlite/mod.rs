//! The store in an SQLite database: a file, or memory. One implementation for both.
//!
//! Read in this order: `statement.rs` (all SQL of the transitions) beside
//! `migrations/0001_start.sql`; `tx.rs`, an open transaction, with `prepared.rs`; what runs in one:
//! `inserting.rs`, `claiming.rs`, `settling.rs`, `awaiting.rs`, `keeping.rs`, `rescuing.rs`,
//! `changing.rs`, `reading.rs`, `schedules.rs`; `command.rs`, `batch.rs`, `connected.rs` and
//! `writer.rs`, how commands share a transaction; `transact.rs` and `callers.rs`, a caller's own;
//! `open.rs` with `schema.rs` and `owner.rs`; `clock.rs`, T; `store.rs`, which puts it together;
//! `transfer.rs` and `transfer_ends.rs`, what moves elsewhere; `examining.rs`, what is wrong with a
//! file. `probe.rs` is where tests get at crash points and mutants.

mod activity;
mod answer;
mod awaiting;
mod batch;
mod callers;
mod changes;
mod changing;
mod claiming;
mod clock;
mod columns;
mod command;
mod connected;
mod durability;
mod examining;
#[cfg(unix)]
mod file_identity;
#[cfg(not(unix))]
#[path = "file_identity_elsewhere.rs"]
mod file_identity;
mod inserting;
mod keeping;
mod open;
mod open_error;
mod opened_file;
mod owner;
#[cfg(test)]
mod plans;
mod prepared;
mod probe;
mod reading;
mod renamed_kinds;
mod rescuing;
mod schedules;
mod schema;
mod searching;
mod settling;
mod statement;
mod store;
mod transact;
mod transfer;
mod transfer_ends;
mod tx;
mod viewing;
mod writer;

pub use durability::Durability;
pub use open::SqliteOptions;
pub use open_error::OpenError;
pub use probe::{Moment, Probe, Transition, Verdict};
pub use schema::MIGRATIONS;
pub use statement::Statement;
pub use store::SqliteStore;
pub use transact::TransactError;
pub use transfer_ends::{SqliteSource, SqliteTarget};
