//! A connection for each request, which asks the server to close it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::server::Server;
use crate::figures::Figure;

/// Threads that connect.
const CLIENTS: usize = 8;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How many connections come and go in a second, and what each costs the server.
pub(crate) fn measure(server: &mut Server, connections: usize) -> Vec<Figure> {
    visit(server.address, connections / 10);
    let (before, started) = (server.used(), Instant::now());
    let answered = visit(server.address, connections);
    let took = started.elapsed();
    let cpu_ns = server.used().cpu_ns - before.cpu_ns;
    vec![
        Figure::new("churn requests", answered as f64),
        Figure::new("churn connections/s", answered as f64 / took.as_secs_f64()),
        Figure::new("churn cpu us", cpu_ns as f64 / 1e3 / answered as f64),
    ]
}

/// Connects exactly so often. How many were answered.
fn visit(address: SocketAddr, connections: usize) -> usize {
    let (begun, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while begun.fetch_add(1, Ordering::Relaxed) < connections {
                    visit_once(address);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    answered.into_inner()
}

fn visit_once(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream
        .write_all(REQUEST.as_bytes())
        .expect("the server reads");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("the server closes in order");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "an answer to each");
}
