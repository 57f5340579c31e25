//! How much memory does a connection hold that rests?

mod client;

use std::time::Duration;

use client::{get, served};
use laneway_http::Limits;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Bytes of live heap for each connection that rests, at most.
const BYTES: isize = 600;

#[test]
fn a_connection_that_rests_holds_little_and_goes_on() {
    const CONNECTIONS: usize = 400;
    let limits = Limits::public().hibernate(Duration::from_millis(10));
    let server = served(limits);
    // What is there once for all connections, or for each thread, is there before the count.
    let before = resting(&server, 100);
    server.wait_until("all hibernate", |server| server.hibernating() == 100);
    let region = Region::new(ALLOCATOR);
    let mut clients = resting(&server, CONNECTIONS);
    server.wait_until("all hibernate", |server| {
        server.hibernating() == 100 + CONNECTIONS
    });
    let change = region.change();
    let live = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let each = live / CONNECTIONS as isize;
    for client in &mut clients {
        client.send(get("/"));
        assert_eq!(client.answer().1, "hello");
    }
    assert!((1..BYTES).contains(&each), "{each} bytes each");
    drop(before);
    assert_eq!(server.end().served, 100 + 2 * CONNECTIONS as u64);
}

fn resting(server: &client::Served, count: usize) -> Vec<client::Client> {
    let connect = |_| {
        let mut client = server.connect();
        client.send(get("/"));
        client.answer();
        client
    };
    (0..count).map(connect).collect()
}
