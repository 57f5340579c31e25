//! The network of a simulation: a loopback in memory, on the simulated clock.
//!
//! A simulated socket has a [`Source`](super::source::Source) as the system's have, so all that
//! waits and tries is the same code; only the attempts themselves end here and not in the system,
//! and the network tells of readiness in place of the reactor.
//!
//! `conditions.rs` is what a user may set, `weather.rs` draws from the seed what follows from it,
//! `end.rs` is one end of a connection, `doorway.rs` a listener, `udp_port.rs` a socket of
//! datagrams. `wires.rs` moves messages from end to end, for `connections.rs`, `listeners.rs` and
//! `datagrams.rs`, and `fabric.rs` gives it a clock and a lock. `endpoint.rs`, `door.rs` and
//! `udp_end.rs` are the parts that the sockets hold.

mod conditions;
mod connections;
mod datagrams;
mod door;
mod doorway;
mod end;
mod endpoint;
mod fabric;
mod listeners;
mod udp_end;
mod udp_port;
mod weather;
mod wires;

use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::sync::Arc;

pub use conditions::NetworkConditions;
pub(super) use door::SimulatedDoor;
pub(super) use endpoint::Endpoint;
pub(crate) use fabric::Fabric;
pub(super) use udp_end::UdpEnd;

thread_local! {
    /// The network of the simulation that this thread belongs to. Dropped by the guard that takes
    /// it out, so that it can be used in the destructors of a user's thread-locals.
    static SIMULATED: RefCell<Option<ManuallyDrop<Arc<Fabric>>>> = const { RefCell::new(None) };
}

/// The network of the simulation that this thread belongs to.
pub(super) fn current() -> Option<Arc<Fabric>> {
    SIMULATED.with_borrow(|network| network.as_deref().cloned())
}

/// Gives this thread a simulated network until the guard is dropped.
#[must_use]
pub(crate) fn enter(network: Arc<Fabric>) -> Entered {
    Entered {
        outer: SIMULATED.replace(Some(ManuallyDrop::new(network))),
    }
}

/// Puts back, when it is dropped, the network that the thread had before.
pub(crate) struct Entered {
    outer: Option<ManuallyDrop<Arc<Fabric>>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let inner = SIMULATED.replace(self.outer.take());
        drop(inner.map(ManuallyDrop::into_inner));
    }
}

/// Checks that sockets of the system's may be made here.
///
/// # Errors
///
/// In a simulation they may not.
pub(super) fn refuse_real_sockets() -> io::Result<()> {
    match current() {
        None => Ok(()),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the system's sockets cannot be used in a simulation, whose runs follow from the seed: \
             use TcpStream, TcpListener and UdpSocket as they are made within it, or leave the \
             socket out there",
        )),
    }
}

pub(super) fn has_no_descriptor() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a simulated socket is none of the system's: it cannot be turned into the standard \
         library's",
    )
}

pub(super) fn has_no_groups() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "the simulated network has no groups: send to each address by itself",
    )
}

/// Cuts an address off in the current [simulation](crate::sim): nothing gets there, and nothing
/// from there gets anywhere, until it is [reconnected](reconnect). A connection bears that for
/// some 50 s of simulated time; then its ends find it timed out when they have sent something.
/// Datagrams are lost, those that are under way among them.
///
/// # Panics
///
/// Outside of a simulation.
///
/// ```
/// use laneway::net::{TcpListener, TcpStream, cut_off, reconnect};
/// use laneway::sim::Sim;
/// use laneway::spawn_task;
/// use laneway::time::{now, sleep};
/// use std::time::Duration;
///
/// let run = Sim::seed(1).run(async {
///     let listener = TcpListener::bind("10.0.0.1:80").await?;
///     cut_off("10.0.0.1".parse().unwrap());
///     let heals = spawn_task!(async {
///         sleep(Duration::from_secs(5)).await;
///         reconnect("10.0.0.1".parse().unwrap());
///     });
///     let begun = now();
///     TcpStream::connect("10.0.0.1:80").await?;
///     heals.await;
///     drop(listener);
///     std::io::Result::Ok(now() - begun)
/// })?;
/// assert!(run.output? > Duration::from_secs(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cut_off(address: IpAddr) {
    in_simulation("cut_off").cut_off(address);
}

/// Ends what [`cut_off`] began. The bytes that a connection has sent arrive after a while.
///
/// # Panics
///
/// Outside of a simulation.
pub fn reconnect(address: IpAddr) {
    in_simulation("reconnect").reconnect(address);
}

fn in_simulation(function: &str) -> Arc<Fabric> {
    current().unwrap_or_else(|| panic!("net::{function} is for simulations: see `laneway::sim`"))
}
