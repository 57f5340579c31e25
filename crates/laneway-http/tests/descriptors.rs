//! Does a server go on when the process has no descriptor left?

mod client;

use std::fs::File;

use client::{get, served};
use laneway_http::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn idle_connections_are_closed_for_a_new_one() {
    let limit = Rlimit {
        current: Some(200),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let server = served(Limits::public());
    let mut clients: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
        client.answer();
    }
    let mut files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // The client has the last descriptor, and the server has none for it.
    files.pop();
    let mut late = server.connect();
    late.send(get("/"));
    assert_eq!(late.answer().1, "hello");
    drop(files);
    assert!(server.handle.connections() < 31, "some were closed");
    let mut later = server.connect();
    later.send(get("/"));
    assert_eq!(later.answer().1, "hello");
}
