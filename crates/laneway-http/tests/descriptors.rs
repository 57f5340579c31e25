//! Does a server go on when the process has no descriptor left?

mod client;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use client::{get, served};
use laneway_http::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn rust_payjoin_1608_a_server_without_a_descriptor_goes_on_to_accept() {
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
    drop(clients);
    server.wait_until("the other clients are gone", |server| {
        server.connections() == 1
    });
    // Of those that are served, none is closed for another.
    late.send(get("/never"));
    server.wait_until("none is idle", |server| {
        server.prometheus().contains("state=\"busy\"} 1")
    });
    let mut files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.pop();
    let mut waits = server.connect();
    waits.send(get("/"));
    waits
        .stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let waited = waits.stream.read(&mut [0]).unwrap_err();
    assert_eq!(waited.kind(), ErrorKind::WouldBlock);
    drop(files);
    waits.stream.set_read_timeout(None).unwrap();
    assert_eq!(waits.answer().1, "hello");
}
