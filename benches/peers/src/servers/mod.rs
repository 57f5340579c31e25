//! The servers over HTTP that are compared. Each is a process of its own: `bin/http.rs`.
//!
//! All answer the same, in the words of their users: a function for hyper and for Laneway, a router
//! for axum. `http/` asks them.

mod answers;
mod held;
mod laneway;
mod low_work;
mod threads;
mod tls_on_tokio;
mod tokio;

pub(crate) use held::measure as held;

use std::io;
use std::net::SocketAddr;

use self::low_work::LowWork;
use crate::figures::peer_named;
use crate::idle::Spent;
use crate::peer::Peer;
use crate::wire::Wire;

const LOW_TASKS: usize = 64;

/// The key of the certificate that all show within TLS.
const KEY: &str = include_str!("../../../../crates/laneway-http/tests/certificates/first.key.pem");

/// A server that answers.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    /// Starts a low task beside it, which never ends.
    start_low: Box<dyn Fn(LowWork)>,
}

/// Serves until the input ends. `None`: an argument makes no sense.
pub fn serve_http(peer: &str, threads: &str, steps: &str, wire: &str) -> Option<()> {
    let peer = peer_named(peer).filter(|peer| Peer::FOR_HTTP.contains(peer))?;
    let threads = threads.parse().ok().filter(|&threads| threads > 0)?;
    let (steps, wire) = (steps.parse().ok()?, wire_named(wire)?);
    let serving = start(peer, threads, wire);
    println!("{}", serving.address);
    let work = LowWork::of(steps);
    if steps > 0 {
        (0..LOW_TASKS).for_each(|_| (serving.start_low)(work.clone()));
    }
    for line in io::stdin().lines() {
        line.ok()?;
        let spent = Spent::so_far().unwrap_or_default();
        println!(
            "{},{},{}",
            spent.cpu_ns,
            spent.context_switches,
            work.polls()
        );
    }
    Some(())
}

fn wire_named(name: &str) -> Option<Wire> {
    let mut all = [Wire::Plain, Wire::Tls].into_iter();
    all.find(|wire| wire.name() == name)
}

/// Starts the server of this name. Within TLS there are those alone that are asked so.
pub(crate) fn start(peer: Peer, threads: usize, wire: Wire) -> Serving {
    match peer {
        Peer::TokioAxum => tokio::axum(threads, wire),
        Peer::LanewayAxum => laneway::axum(threads, wire),
        Peer::Laneway => laneway::by_default(threads, wire),
        Peer::LanewayLatencyFirst => laneway::latency_first(threads),
        Peer::Threads => threads::start(),
        _ => tokio::hyper(peer, threads),
    }
}
