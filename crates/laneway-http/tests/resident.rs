//! How much resident memory does a connection take that rests?
//!
//! A process of its own, since the memory is the process's. The clients are in it as well, with a
//! few bytes each; what the kernel holds for a socket counts for neither.
#![cfg(target_os = "linux")]

mod client;

use std::fs;
use std::time::Duration;

use client::{Client, Served, get, served};
use laneway_http::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Resident bytes for each connection that rests, at most.
const BYTES: usize = 2500;

const CONNECTIONS: usize = 4000;

#[test]
fn a_connection_that_rests_takes_little_resident_memory() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).unwrap();
    let most = limit
        .maximum
        .map_or(CONNECTIONS, |most| most as usize / 2 - 200);
    let connections = CONNECTIONS.min(most);
    let server = served(Limits::public().hibernate(Duration::from_millis(10)));
    // The memory that all connections share, and that of one which is awake, is there before.
    let mut clients = Vec::with_capacity(2 * connections);
    rest(&server, &mut clients, connections / 4);
    let before = resident();
    rest(&server, &mut clients, connections);
    let each = resident().saturating_sub(before) / connections;
    println!("{each} resident bytes for each of {connections} connections");
    assert!(each <= BYTES, "{each} bytes each");
    for client in &mut clients {
        client.send(get("/"));
        assert_eq!(client.answer().1, "hello");
    }
}

/// Adds clients that have asked once, and waits until all connections hibernate.
fn rest(server: &Served, clients: &mut Vec<Client>, count: usize) {
    clients.extend((0..count).map(|_| {
        let mut client = server.connect();
        client.send(get("/"));
        client.answer();
        client
    }));
    let all = clients.len();
    server.wait_until("all hibernate", |server| server.hibernating() == all);
}

/// The memory of this process.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    1024 * kilobytes
        .expect("a size")
        .parse::<usize>()
        .expect("a number")
}
