//! The store on Postgres, against a server that the tests start.
//!
//! Where there is no server to be had, the tests say so and pass; with `LANEWAY_POSTGRES=required`
//! in the environment they fail.

mod conformance;
mod idle;
mod lost_connections;
mod own_transaction;
mod plans;
mod races;
mod refusals;
mod server;
mod shutdown;
mod wrong_addresses;
