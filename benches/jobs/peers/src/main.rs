//! Puts one of the peers of `laneway-jobs` through a round: 64 callers enqueue, a worker drains.
//!
//! `laneway-jobs-bench` builds this program and starts it for each round. It shares with it what an
//! assignment is, how a phase is measured and how runs are counted.

#![forbid(unsafe_code)]

#[allow(dead_code, reason = "this program starts no other")]
#[path = "../../src/assignment.rs"]
mod assignment;
#[allow(dead_code, reason = "growth is measured on Laneway alone")]
#[path = "../../src/gauge.rs"]
mod gauge;
#[allow(
    dead_code,
    reason = "which peers there are is for the program that starts this one"
)]
#[path = "../../src/peer.rs"]
mod peer;
#[path = "../../src/server_time.rs"]
mod server_time;
#[allow(dead_code, reason = "titles are for tables")]
#[path = "../../src/store_kind.rs"]
mod store_kind;
#[path = "../../src/tally.rs"]
mod tally;

mod apalis_postgres;
mod apalis_sqlite;
mod callers;
mod counted;
mod durability;
mod fang_tasks;
mod graphile;

use std::process::ExitCode;

use clap::Parser;

use assignment::Assignment;
use peer::Peer;
use store_kind::StoreKind;

fn main() -> ExitCode {
    let assignment = Assignment::parse();
    let rt = tokio::runtime::Runtime::new().expect("the defaults work");
    counted::begin(assignment.jobs);
    match (assignment.peer, StoreKind::at(&assignment.address)) {
        (Peer::Apalis, StoreKind::Sqlite) => apalis_sqlite::measure(&rt, &assignment),
        (Peer::Apalis | Peer::Apalis64, StoreKind::Postgres) => {
            apalis_postgres::measure(&rt, &assignment)
        }
        (Peer::Fang, _) => fang_tasks::measure(&rt, &assignment),
        (Peer::GraphileWorker, StoreKind::Postgres) => graphile::measure(&rt, &assignment),
        (peer, _) => {
            eprintln!("error: {} keeps no jobs there", peer.name());
            return ExitCode::from(2);
        }
    }
    println!("doubled,{}", rt.block_on(counted::doubled()));
    ExitCode::SUCCESS
}
