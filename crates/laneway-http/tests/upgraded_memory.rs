//! How much memory does an upgraded connection hold whose task waits?

mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// What a client sends: a field of so many bytes, and so many bytes right behind the request.
#[derive(Clone, Copy, Debug)]
struct Sent {
    field: usize,
    behind: usize,
}

#[test]
fn an_upgraded_connection_that_rests_holds_little() {
    for (field, behind) in [(1, 0), (3000, 0), (1, 3000)] {
        assert_holds_little(Sent { field, behind });
    }
}

fn assert_holds_little(sent: Sent) {
    const CONNECTIONS: usize = 200;
    let waiting = Arc::new(AtomicUsize::new(0));
    let counts = waiting.clone();
    let server = serve_with(Limits::public(), move |mut request| {
        let (upgraded, counts) = (upgrade::on(&mut request), counts.clone());
        let task = async move {
            let mut upgraded = upgraded.await.expect("it is answered by 101");
            for _ in 0..sent.behind {
                upgraded.read_exact(&mut [0; 1]).await.expect("it came");
            }
            counts.fetch_add(1, Ordering::Relaxed);
            let _ = upgraded.read(&mut [0; 1]).await;
        };
        spawn_task!(task, Priority::High).detach();
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let name = HeaderValue::from_static("nothing");
        answer.headers_mut().insert(UPGRADE, name);
        std::future::ready(Ok(answer))
    });
    let before = upgraded(&server, 100, sent, &waiting);
    let region = Region::new(ALLOCATOR);
    let clients = upgraded(&server, CONNECTIONS, sent, &waiting);
    let change = region.change();
    let live = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let each = live / CONNECTIONS as isize;
    assert!((1..UPGRADED).contains(&each), "{sent:?}: {each} bytes each");
    drop((before, clients));
    server.wait_until("all are gone", |server| server.connections() == 0);
}

fn upgraded(
    server: &client::Served,
    count: usize,
    sent: Sent,
    waiting: &AtomicUsize,
) -> Vec<client::Client> {
    let connect = |_| {
        let mut client = server.connect();
        let fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: nothing\r\n";
        let (field, behind) = ("x".repeat(sent.field), "y".repeat(sent.behind));
        let request = format!("GET / HTTP/1.1\r\n{fields}A: {field}\r\n\r\n{behind}");
        client.send(request);
        assert!(client.head().starts_with("http/1.1 101 "));
        client
    };
    let clients: Vec<_> = (0..count).map(connect).collect();
    let open = server.handle.connections();
    let all = format!("laneway_http_connections{{state=\"upgraded\"}} {open}\n");
    server.wait_until("all are upgraded", |server| {
        server.prometheus().contains(&all)
    });
    // Each has read what came with its request, and waits.
    client::wait_until("the tasks wait", || waiting.load(Ordering::Relaxed) == open);
    clients
}
