//! The store on Postgres, against a server that the tests start.
//!
//! Where there is no server to be had, the tests say so and pass; with `LANEWAY_POSTGRES=required`
//! in the environment they fail.

mod conformance;
#[cfg(feature = "tls")]
mod encrypted;
mod examples;
mod exhausted;
mod faults;
#[path = "../folder/mod.rs"]
mod folder;
mod former_version;
mod growth;
mod heavy;
mod idle;
mod killed;
mod lost_connections;
mod moving;
mod mutants;
mod own_transaction;
mod plans;
mod races;
#[path = "../../src/postgres/own_server.rs"]
mod server;
mod settings;
mod shutdown;
mod silence;
mod wake_ups;
mod wrong_addresses;
