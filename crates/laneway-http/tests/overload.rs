//! What becomes of connections beyond the bound? The test of descriptors has a process of its own:
//! `descriptors.rs`.

mod client;

use client::{get, served};
use laneway_http::Limits;

#[test]
fn a_connection_beyond_the_bound_takes_the_place_of_an_idle_one() {
    let server = served(Limits::public().connections(2));
    let mut clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
        client.answer();
    }
    let mut third = server.connect();
    third.send(get("/"));
    assert_eq!(third.answer().1, "hello");
}

#[test]
fn a_connection_beyond_the_bound_waits_while_all_are_busy() {
    let (opener, waiting) = client::door();
    let server = client::serve_with(Limits::public().connections(1), move |_request| {
        let waiting = waiting.clone();
        async move {
            waiting.wait().await;
            Ok(http::Response::new("late".to_owned()))
        }
    });
    let mut first = server.connect();
    first.send(get("/"));
    opener.wait_for_a_handler();
    let mut second = server.connect();
    second.send(get("/"));
    assert_eq!(server.handle.connections(), 1);
    opener.open();
    assert_eq!(first.answer().1, "late");
    assert_eq!(second.answer().1, "late");
}
