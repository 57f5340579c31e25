//! How much memory does a connection hold that rests?

mod client;

use std::time::Duration;

use client::{get, served};
use laneway_http::Limits;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Bytes of live heap for each connection that rests, at most.
const BYTES: usize = 700;

#[test]
fn a_connection_that_rests_holds_little_and_goes_on() {
    const CONNECTIONS: usize = 64;
    let limits = Limits::public().hibernate(Duration::from_millis(10));
    let server = served(limits);
    let sleep = |server: &client::Served, count| {
        server.wait_until("all hibernate", |server| server.hibernating() == count);
    };
    // What one connection makes for all of them is there before the count begins.
    let mut first = server.connect();
    first.send(get("/"));
    first.answer();
    sleep(&server, 1);
    let region = Region::new(ALLOCATOR);
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
        client.answer();
    }
    sleep(&server, CONNECTIONS + 1);
    let change = region.change();
    let live = change.bytes_allocated as isize + change.bytes_reallocated
        - change.bytes_deallocated as isize;
    let each = live / CONNECTIONS as isize;
    eprintln!("{each} bytes each");
    for client in &mut clients {
        client.send(get("/"));
        assert_eq!(client.answer().1, "hello");
    }
    assert!(each < BYTES as isize, "{each} bytes each");
    assert!(each > 0, "the count counts");
    assert_eq!(server.end().served, 2 * CONNECTIONS as u64 + 1);
}
