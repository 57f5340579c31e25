//! The servers over HTTP that are compared. Each is a process of its own: `bin/http.rs`.
//!
//! All answer the same, in the words of their users: a function for hyper and for Laneway, a router
//! for axum. `http/` asks them.

mod answers;
mod held;
mod laneway;
mod low_work;
mod tokio;

pub(crate) use held::measure as held;

use std::io;
use std::net::SocketAddr;

use self::low_work::LowWork;
use crate::figures::peer_named;
use crate::idle::Spent;
use crate::peer::Peer;

const LOW_TASKS: usize = 64;

/// A server that answers.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    /// Starts a low task beside it, which never ends.
    start_low: Box<dyn Fn(LowWork)>,
}

/// Serves until the input ends. `None`: an argument makes no sense.
pub fn serve_http(peer: &str, threads: &str, steps: &str) -> Option<()> {
    let peer = peer_named(peer).filter(|peer| Peer::FOR_HTTP.contains(peer))?;
    let threads = threads.parse().ok().filter(|&threads| threads > 0)?;
    let steps = steps.parse().ok()?;
    let serving = start(peer, threads);
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

/// Starts the server of this name.
pub(crate) fn start(peer: Peer, threads: usize) -> Serving {
    match peer {
        Peer::TokioAxum | Peer::LanewayAxum => axum(peer, threads),
        Peer::Laneway => laneway::by_default(threads),
        Peer::LanewayLatencyFirst => laneway::latency_first(threads),
        _ => tokio::hyper(peer, threads),
    }
}

fn axum(peer: Peer, threads: usize) -> Serving {
    match peer {
        Peer::LanewayAxum => laneway::axum(threads),
        _ => tokio::axum(threads),
    }
}
