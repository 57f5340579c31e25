//! The network of one simulation, with its clock and its lock.

use std::fmt;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};

use super::conditions::NetworkConditions;
use super::weather::Weather;
use super::wires::Wires;
use crate::ground::sync::unpoisoned;
use crate::ground::waker::wake_shielded;
use crate::time::timer::Timer;

/// The network of one simulation.
pub(crate) struct Fabric {
    timer: Arc<Timer>,
    wires: Mutex<Wires>,
    /// Wakes by delivering. The timer holds clones of it.
    arrival: Waker,
}

/// The waker that the timer calls when something arrives. Without a count of the network, which has
/// the timer itself.
struct Arrival(Weak<Fabric>);

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        if let Some(network) = self.0.upgrade() {
            network.with(Wires::deliver);
        }
    }
}

impl Fabric {
    /// A network that draws from `rng`, and goes by this clock.
    pub(crate) fn new(
        conditions: NetworkConditions,
        rng: fastrand::Rng,
        timer: Arc<Timer>,
    ) -> Arc<Fabric> {
        let now = timer.now();
        let wires = Wires::new(Weather::new(conditions, rng, now), now);
        Arc::new_cyclic(|this| Fabric {
            timer,
            wires: Mutex::new(wires),
            arrival: Waker::from(Arc::new(Arrival(this.clone()))),
        })
    }

    /// Does something, and then wakes the tasks that it concerns.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Wires) -> R) -> R {
        let mut wires = unpoisoned(self.wires.lock());
        wires.now = self.timer.now();
        let result = act(&mut wires);
        let (ready, arrivals) = (mem::take(&mut wires.ready), mem::take(&mut wires.arrivals));
        // Unlock before waking: a waker may run code that uses a socket.
        drop(wires);
        for time in arrivals {
            // Bytes that never arrive wake no task.
            let _armed = self.timer.arm(time, self.arrival.clone());
        }
        ready.into_iter().for_each(wake_shielded);
        result
    }

    /// The address of a host of this network.
    pub(in crate::net) fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let address = self.with(|wires| wires.weather.conditions.address_of(name));
        match address {
            Some(address) => Ok(vec![SocketAddr::new(address, port)]),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "the simulated network knows no host {name}: give it an address by \
                     `NetworkConditions::host`"
                ),
            )),
        }
    }

    pub(super) fn cut_off(&self, address: IpAddr) {
        self.with(|wires| wires.weather.cut_off(address));
    }

    pub(super) fn reconnect(&self, address: IpAddr) {
        self.with(|wires| wires.weather.reconnect(address));
    }

    /// Ends the waits of all sockets, for good.
    pub(crate) fn close(&self) {
        self.with(Wires::close);
    }
}

impl fmt::Debug for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fabric").finish_non_exhaustive()
    }
}
