//! The store in a Postgres database, for workers on many machines.
//!
//! No runtime but laneway is needed: the connections are sockets of [`laneway::net`], and each is
//! served by a task on the high queue of the runtime on which it was opened.
//!
//! Read in this order: `statement.rs` (all SQL of the transitions) beside
//! `migrations/0001_start.sql`; `tx.rs`, an open transaction; what runs in one: `inserting.rs`,
//! `claiming.rs` with `marks.rs`, `settling.rs`, `keeping.rs`, `rescuing.rs` with `lost_mark.rs`,
//! `changing.rs`, `reading.rs`, `schedules.rs`,
//! `viewing.rs` with `activity.rs`; `session.rs`, a connection and what is prepared on it;
//! `pool.rs`; `asking.rs` and `gatherer.rs`, how questions get there; `address.rs` with `host.rs`,
//! `socket.rs` and `serving.rs`, how a connection is opened; `options.rs` and `schema.rs`;
//! `callers.rs`, a caller's own transaction; `store.rs`, which puts it together.
//!
//! # What it needs
//!
//! Postgres 12 or later, and a user who may create a schema or owns one. The connections are the
//! store's own: a proxy that gives each transaction another one, such as PgBouncer in its mode
//! `transaction`, loses what is prepared and set on them.
//!
//! # What is not there
//!
//! Batches and chains are kept in SQLite alone so far. Here an insert of one is an error, before
//! anything is written. Schedules that another process has changed are noticed within five seconds.

mod activity;
mod address;
mod asking;
mod callers;
mod changing;
mod claiming;
mod columns;
mod connect_error;
mod failure;
mod gatherer;
#[cfg_attr(not(unix), path = "host_elsewhere.rs")]
mod host;
mod inserting;
mod keeping;
mod lost_mark;
mod marks;
mod options;
mod pool;
mod reading;
mod rescuing;
mod schedules;
mod schema;
mod serving;
mod session;
mod settling;
mod socket;
mod statement;
mod store;
mod tx;
mod viewing;

pub use connect_error::ConnectError;
pub use options::PostgresOptions;
pub use schema::MIGRATIONS;
pub use store::PostgresStore;
pub use tokio_postgres;
