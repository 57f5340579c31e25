//! The built program, run on databases of all kinds.

mod bad_input;
mod commands;
#[cfg(unix)]
mod interrupted;
mod move_killed;
#[allow(dead_code, reason = "other tests have further questions to it")]
#[path = "../../../laneway-jobs/src/postgres/own_server.rs"]
mod server;
mod servers;
mod serving;
mod support;
