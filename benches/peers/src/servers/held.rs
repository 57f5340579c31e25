//! The memory that a server holds for a connection that rests.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::figures::Figure;
use crate::http::resting::connect;
use crate::memory::{Allocated, Count};
use crate::peer::Peer;
use crate::wire::Wire;

/// Every server has done by then what it does after a request.
const TO_SETTLE: Duration = Duration::from_millis(2_500);

/// With the others somewhat less than a power of two: tables that grow by doubling are nearly full.
const CONNECTIONS: usize = 3_900;

/// The bytes for each connection, in a server of this process. The client's part is sockets alone,
/// and a list of them.
pub(crate) fn measure(peer: Peer, threads: usize, count: Count) -> Vec<Figure> {
    let address = super::start(peer, threads, Wire::Plain).address;
    let others = connect(address, 100);
    thread::sleep(TO_SETTLE);
    let before = count();
    let connections = connect(address, CONNECTIONS);
    thread::sleep(TO_SETTLE);
    let held = held(before, count()) - (CONNECTIONS * size_of::<TcpStream>()) as f64;
    drop((others, connections));
    vec![Figure::new("resting bytes", held / CONNECTIONS as f64)]
}

fn held(before: Allocated, after: Allocated) -> f64 {
    let allocated = (after.bytes - before.bytes) as f64;
    allocated - (after.bytes_freed - before.bytes_freed) as f64
}
