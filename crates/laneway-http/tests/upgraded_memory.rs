//! How much memory does an upgraded connection hold whose task waits?

mod client;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use client::serve_with;
use futures_lite::AsyncReadExt;
use http::header::{HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use hyper::rt::{Read as _, ReadBuf};
use laneway::{Priority, spawn_task};
use laneway_http::Limits;
use laneway_http::upgrade::{self, OnUpgrade};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Bytes of live heap for each upgraded connection whose task waits for bytes, at most. Tables that
/// have just grown have room for others.
const UPGRADED: isize = 1600;

/// The request of a client: a field of a number of bytes, and a number of bytes right behind the
/// request.
#[derive(Clone, Copy, Debug)]
struct Sent {
    field: usize,
    behind: usize,
}

/// The future that takes the upgrade.
#[derive(Clone, Copy, Debug)]
enum By {
    Ours,
    Hypers,
}

#[test]
fn an_upgraded_connection_that_rests_holds_little() {
    for (field, behind, by) in [
        (1, 0, By::Ours),
        (3000, 0, By::Ours),
        (1, 3000, By::Ours),
        (1, 3000, By::Hypers),
    ] {
        assert_holds_little(Sent { field, behind }, by);
    }
}

/// Reads what came with the request, and waits.
async fn rest(upgraded: OnUpgrade, behind: usize, counts: Arc<AtomicUsize>) {
    let mut upgraded = upgraded.await.expect("it is answered by 101");
    for _ in 0..behind {
        upgraded.read_exact(&mut [0; 1]).await.expect("it came");
    }
    counts.fetch_add(1, Ordering::Relaxed);
    let _ = upgraded.read(&mut [0; 1]).await;
}

async fn rest_by_hyper(
    upgraded: hyper::upgrade::OnUpgrade,
    behind: usize,
    counts: Arc<AtomicUsize>,
) {
    let mut upgraded = upgraded.await.expect("it is answered by 101");
    for byte in 0..=behind {
        if byte == behind {
            counts.fetch_add(1, Ordering::Relaxed);
        }
        let mut space = [0; 1];
        let mut buffer = ReadBuf::new(&mut space);
        let read = poll_fn(|cx| Pin::new(&mut upgraded).poll_read(cx, buffer.unfilled()));
        read.await.expect("it came");
    }
}

fn assert_holds_little(sent: Sent, by: By) {
    const CONNECTIONS: usize = 200;
    let waiting = Arc::new(AtomicUsize::new(0));
    let counts = waiting.clone();
    let server = serve_with(Limits::public(), move |mut request| {
        let counts = counts.clone();
        match by {
            By::Ours => {
                let upgraded = upgrade::on(&mut request);
                spawn_task!(rest(upgraded, sent.behind, counts), Priority::High).detach();
            }
            By::Hypers => {
                let upgraded = hyper::upgrade::on(&mut request);
                spawn_task!(rest_by_hyper(upgraded, sent.behind, counts), Priority::High).detach();
            }
        }
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let name = HeaderValue::from_static("nothing");
        answer.headers_mut().insert(UPGRADE, name);
        std::future::ready(Ok(answer))
    });
    let before = upgraded(&server, 100, sent, &waiting);
    let region = Region::new(ALLOCATOR);
    let clients = upgraded(&server, CONNECTIONS, sent, &waiting);
    let each = || {
        let change = region.change();
        let live = change.bytes_allocated as isize - change.bytes_deallocated as isize;
        live / CONNECTIONS as isize
    };
    // The tasks that wait have told so a moment before the connections' own tasks rest.
    let what = format!("{sent:?}, {by:?}: {} bytes each, and few", each());
    server.wait_until(&what, |_| (1..UPGRADED).contains(&each()));
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
