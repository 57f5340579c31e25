//! A connection for each request, which ends with its answer: in HTTP/1, in HTTP/2, and within TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::server::Server;
use super::tls_client::TlsClient;
use crate::figures::Figure;

/// Threads that connect.
const CLIENTS: usize = 8;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// In what a connection speaks.
pub(crate) enum Churn {
    Http1,
    Http2,
    /// HTTP/1 after a whole handshake: no session is taken up again.
    Tls(TlsClient),
}

/// How many connections come and go in a second, and what each costs the server.
pub(crate) fn measure(server: &mut Server, connections: usize, churn: &Churn) -> Vec<Figure> {
    let name = churn.name();
    churn.visit(server.address, connections / 10);
    let (before, started) = (server.used(), Instant::now());
    let answered = churn.visit(server.address, connections);
    let took = started.elapsed();
    let cpu_ns = server.used().cpu_ns - before.cpu_ns;
    let per_second = answered as f64 / took.as_secs_f64();
    vec![
        Figure::new(format!("{name} requests"), answered as f64),
        Figure::new(format!("{name} connections/s"), per_second),
        Figure::new(
            format!("{name} cpu us"),
            cpu_ns as f64 / 1e3 / answered as f64,
        ),
    ]
}

impl Churn {
    fn name(&self) -> &'static str {
        match self {
            Churn::Http1 => "churn",
            Churn::Http2 => "h2 churn",
            Churn::Tls(_) => "tls churn",
        }
    }

    /// Connects exactly this number of times. How many were answered.
    fn visit(&self, address: SocketAddr, connections: usize) -> usize {
        let (begun, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while begun.fetch_add(1, Ordering::Relaxed) < connections {
                        self.visit_once(address);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        answered.into_inner()
    }

    fn visit_once(&self, address: SocketAddr) {
        let stream = TcpStream::connect(address).expect("the server accepts");
        match self {
            Churn::Http1 => ask_to_the_end(stream),
            Churn::Tls(client) => ask_to_the_end(client.connect(stream)),
            Churn::Http2 => ask_in_http2(stream),
        }
    }
}

fn ask_to_the_end(mut stream: impl Read + Write) {
    stream
        .write_all(REQUEST.as_bytes())
        .expect("the server reads");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("the server closes in order");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "an answer to each");
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Settings that change none, and what answers those of the server.
const SETTINGS: [&[u8]; 2] = [&[0, 0, 0, 4, 0, 0, 0, 0, 0], &[0, 0, 0, 4, 1, 0, 0, 0, 0]];
/// `GET http://localhost/` on the first stream, whose name is the only text.
const GET: &[u8] = b"\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x86\x84\x01\x09localhost";
const END_OF_STREAM: u8 = 1;

fn ask_in_http2(mut stream: TcpStream) {
    let [ours, acknowledged] = SETTINGS;
    let request = [PREFACE, ours, GET, acknowledged].concat();
    stream.write_all(&request).expect("the server reads");
    let mut was_answered = false;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a frame comes");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).expect("a frame is whole");
        let [kind, flags] = [head[3], head[4]];
        match kind {
            // The status 200 is the eighth of the static table.
            1 => was_answered = payload.contains(&0x88),
            0 if flags & END_OF_STREAM != 0 => break,
            0 | 4 | 6 | 8 => {}
            other => panic!("a frame of kind {other} in place of an answer"),
        }
    }
    assert!(was_answered, "an answer to each");
}
