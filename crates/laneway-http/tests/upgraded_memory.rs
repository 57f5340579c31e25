//! How much memory does an upgraded connection hold whose task waits?

mod client;

use client::serve_with;
use futures_lite::AsyncReadExt;
use http::header::{HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use laneway::{Priority, spawn_task};
use laneway_http::{Limits, upgrade};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Bytes of live heap for each upgraded connection whose task waits for bytes, at most.
const UPGRADED: isize = 1400;

#[test]
fn an_upgraded_connection_that_rests_holds_little() {
    const CONNECTIONS: usize = 400;
    let server = serve_with(Limits::public(), async |mut request| {
        let upgraded = upgrade::on(&mut request);
        let task = async {
            let mut upgraded = upgraded.await.expect("it is answered by 101");
            let _ = upgraded.read(&mut [0; 1]).await;
        };
        spawn_task!(task, Priority::High).detach();
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let name = HeaderValue::from_static("nothing");
        answer.headers_mut().insert(UPGRADE, name);
        Ok(answer)
    });
    let before = upgraded(&server, 100);
    let region = Region::new(ALLOCATOR);
    let clients = upgraded(&server, CONNECTIONS);
    let change = region.change();
    let live = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let each = live / CONNECTIONS as isize;
    assert!((1..UPGRADED).contains(&each), "{each} bytes each");
    drop((before, clients));
    server.wait_until("all are gone", |server| server.connections() == 0);
}

fn upgraded(server: &client::Served, count: usize) -> Vec<client::Client> {
    let connect = |_| {
        let mut client = server.connect();
        let fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: nothing\r\n\r\n";
        client.send(format!("GET / HTTP/1.1\r\n{fields}"));
        assert!(client.head().starts_with("http/1.1 101 "));
        client
    };
    let clients: Vec<_> = (0..count).map(connect).collect();
    let open = server.handle.connections();
    let all = format!("laneway_http_connections{{state=\"upgraded\"}} {open}\n");
    server.wait_until("all are upgraded", |server| {
        server.prometheus().contains(&all)
    });
    // Each has its connection, and waits.
    let ready = || server.runtime.metrics().queues[0].depth == 0;
    client::wait_until("the tasks wait", ready);
    clients
}
