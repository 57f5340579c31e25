//! The store in a Postgres database, for workers on many machines.
//!
//! No runtime but laneway is needed: the connections are sockets of [`laneway::net`], and each is
//! served by a task on the high queue of the runtime on which it was opened.
//!
//! Read in this order: `statement.rs` (all SQL of the transitions; by `probe.rs` tests make mutants
//! of it) beside the files in `migrations/`; `tx.rs`, an open transaction; what runs in one:
//! `inserting.rs` with `parts.rs`, `claiming.rs` with `marks.rs`, `settling.rs` with `awaiting.rs`
//! (batches and chains), `keeping.rs`, `rescuing.rs` with `lost_mark.rs`, `changing.rs`,
//! `reading.rs`, `schedules.rs`, `viewing.rs` with `activity.rs`, `examining.rs`; `session.rs`, a
//! connection and what is prepared on it; `pool.rs`; `asking.rs`, `gatherer.rs` and
//! `completing.rs`, how questions get there; `news.rs`, `notifier.rs` and `listening.rs`, how
//! processes wake each other; `url.rs`, `address.rs` with `host.rs`, `security.rs`, `tls/`,
//! `socket.rs`, `messages.rs` and `serving.rs`, how a connection is opened; `options.rs` and
//! `schema.rs`; `callers.rs`, a caller's own transaction; `store.rs`, which puts it together.
//! `occupancy.rs`, `transfer_ends.rs`, `transfer.rs` and `moved_column.rs` move everything from a
//! schema or to one.
//!
//! # What it needs
//!
//! Postgres 12 or later, and a user who may create a schema or owns one. The connections are the
//! store's own: a proxy that gives each transaction another one, such as PgBouncer in its mode
//! `transaction`, loses what is prepared and set on them.
//!
//! `sslmode` means what Postgres says: without it, TLS where the server offers it (`prefer`) and
//! the feature `tls` is there; `require` encrypts, to any server, unless `sslrootcert` names a
//! file; `verify-ca` and `verify-full` trust the certificates of that file, or the system's. A
//! demand that cannot be obeyed is refused.
//!
//! A clock that is set by slewing, as time daemons do. If it steps back, jobs that are due wait for
//! as long, and so do those of lost workers; if it steps forward by more than a lease, jobs that
//! run are dropped, run again, and are charged a crash.
//!
//! While a new release takes the place of an older one, batches and chains wait until the last
//! process of the old one has ended: it would complete a member without counting it.
//!
//! Schedules that another process has changed are noticed by `NOTIFY` as well, and within five
//! seconds where that is lost or not wanted.

mod activity;
mod address;
mod asking;
mod awaiting;
mod callers;
mod changing;
mod claiming;
mod columns;
mod completing;
mod connect_error;
mod examining;
mod failure;
mod gatherer;
#[cfg_attr(not(unix), path = "host_elsewhere.rs")]
mod host;
mod inserting;
mod keeping;
mod listening;
mod lost_mark;
mod marks;
mod messages;
mod moved_column;
mod news;
mod notifier;
mod occupancy;
mod options;
mod parts;
#[cfg(test)]
mod plans;
mod pool;
mod probe;
mod reading;
mod renamed_kinds;
mod rescuing;
mod schedules;
mod schema;
mod security;
mod serving;
mod session;
mod settling;
mod socket;
mod statement;
mod store;
#[cfg_attr(not(feature = "tls"), path = "tls_left_out.rs")]
mod tls;
mod transfer;
mod transfer_ends;
mod tx;
mod url;
mod viewing;

pub use connect_error::ConnectError;
pub use notifier::WakeUps;
pub use options::PostgresOptions;
pub use probe::Probe;
pub use schema::MIGRATIONS;
pub use store::PostgresStore;
pub use tokio_postgres;
pub use transfer_ends::{PostgresSource, PostgresTarget};
