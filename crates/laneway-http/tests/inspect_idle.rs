//! Does the live page cost nothing while it is closed?
//!
//! A process of its own, since what is counted is the processor time of all its threads.
#![cfg(target_os = "linux")]

mod client;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::{Served, serve_service, wait_until};
use laneway::Runtime;
use laneway::time::sleep;
use laneway_http::{Inspect, Limits, inspect};

/// How long the processor time is counted.
const WINDOW: Duration = Duration::from_secs(2);

/// The processor time of all threads of this process so far.
fn used() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells of threads");
    let used = threads.filter_map(|thread| {
        // A thread may have ended meanwhile.
        let times = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

/// A server of the page of its own runtime, and the page.
fn served() -> (Served, Inspect) {
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let runtime = builder.build().unwrap();
    let page = inspect(&runtime);
    (serve_service(runtime, Limits::public(), page.clone()), page)
}

/// Looks until there was something to see, and leaves.
fn look(address: std::net::SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains("\"at\":") {
        let read = stream.read(&mut buffer).expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

/// The processor time of a window, as a part of the time that passes.
fn share_of_a_core(server: &Served) -> f64 {
    let (begun, before) = (Instant::now(), used());
    server.runtime.block_on(sleep(WINDOW));
    let (took, cost) = (begun.elapsed(), used().saturating_sub(before));
    let share = cost.as_secs_f64() / took.as_secs_f64();
    println!("{:.3} % of a core while the page is closed", share * 100.0);
    share
}

#[test]
fn a_page_that_is_closed_costs_less_than_two_percent_of_a_core() {
    let (server, page) = served();
    look(server.address);
    wait_until("it has left", || page.viewers() == 0);
    server.wait_until("its connection ends", |server| server.connections() == 0);
    // A thread of before may have something left to do in one of the windows.
    let mut shares = (0..5).map(|_| share_of_a_core(&server));
    assert!(shares.any(|share| share < 0.02));
    assert!(server.end().is_clean());
}
