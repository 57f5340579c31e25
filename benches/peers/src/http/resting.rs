//! Connections that rest after one request: what the server does while none of them asks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::answer_length::{answer_length, get};
use super::server::Server;
use crate::figures::Figure;
use crate::this_thread;

/// Descriptors that are not for connections.
const OTHERS: usize = 100;

/// The context switches of the server while its connections rest.
pub(crate) fn measure(server: &mut Server, most: usize, rest: [Duration; 2]) -> Vec<Figure> {
    let room = this_thread::descriptors().saturating_sub(OTHERS);
    let connections = connect(server.address, most.min(room));
    let [to_settle, watched] = rest;
    thread::sleep(to_settle);
    let before = server.used().context_switches;
    thread::sleep(watched);
    let switches = server.used().context_switches - before;
    vec![
        Figure::new("resting connections", connections.len() as f64),
        Figure::new(
            "resting switches/s",
            switches as f64 / watched.as_secs_f64(),
        ),
    ]
}

/// So many connections that have their answer.
pub(crate) fn connect(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let request = get("/");
    let mut answer = vec![0; answer_length(address, &request)];
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).expect("the server accepts");
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        stream.read_exact(&mut answer).expect("the server answers");
        streams.push(stream);
    }
    streams
}
