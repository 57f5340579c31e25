//! The behaviour of a simulated network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How the network of a [simulation](crate::sim) behaves. The seed decides the rest: which packet
/// takes how long, and which one meets a fault.
///
/// A peer is as far away when it goes: what is written to a connection whose other end has been
/// dropped is taken and lost, until the news of that or the answer to the bytes has come. A call to
/// a listener with a full backlog is repeated, and times out after some 50 s.
///
/// ```
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use laneway::net::{NetworkConditions, TcpListener, TcpStream};
/// use laneway::sim::Sim;
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// let slow = NetworkConditions::new().delay(second..=2 * second).host("server", "10.0.0.1");
/// let run = Sim::seed(3).network(slow).run(async {
///     let listener = TcpListener::bind("10.0.0.1:80").await?;
///     let mut client = TcpStream::connect("server:80").await?;
///     let (mut server, _) = listener.accept().await?;
///     client.write_all(b"x").await?;
///     server.read(&mut [0; 1]).await
/// })?;
/// assert_eq!(run.output?, 1);
/// assert!(run.elapsed >= 3 * second, "there, back, and there: {:?}", run.elapsed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "conditions do nothing until they are given to `Sim::network`"]
pub struct NetworkConditions {
    pub(super) delay: RangeInclusive<Duration>,
    pub(super) loss: f64,
    pub(super) resets: f64,
    pub(super) partitions: Option<Partitions>,
    hosts: BTreeMap<String, IpAddr>,
}

/// When the network falls apart, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    pub(super) every: RangeInclusive<Duration>,
    pub(super) lasting: RangeInclusive<Duration>,
}

impl Default for NetworkConditions {
    fn default() -> NetworkConditions {
        NetworkConditions::new()
    }
}

impl NetworkConditions {
    /// A network without faults, whose packets take between 0.1 and 1 ms.
    pub fn new() -> NetworkConditions {
        NetworkConditions {
            delay: Duration::from_micros(100)..=Duration::from_millis(1),
            loss: 0.0,
            resets: 0.0,
            partitions: None,
            hosts: BTreeMap::from([("localhost".to_owned(), Ipv4Addr::LOCALHOST.into())]),
        }
    }

    /// How long a packet takes, at least and at most; if the second is shorter, always the first.
    /// Times beyond 500 years count as 500 years.
    /// Packets of one connection keep their order; datagrams overtake each other. Default: 0.1 to
    /// 1 ms.
    pub fn delay(mut self, range: RangeInclusive<Duration>) -> NetworkConditions {
        self.delay = range;
        self
    }

    /// The chance, from 0 to 1, that a packet is lost. A connection sends it again, 0.2 s later at
    /// first and up to six times, with pauses that double; a datagram never arrives. Default: 0.
    ///
    /// # Panics
    ///
    /// If the chance is not from 0 to 1.
    #[track_caller]
    pub fn loss(mut self, chance: f64) -> NetworkConditions {
        self.loss = checked("loss", chance);
        self
    }

    /// The chance, from 0 to 1, that a packet breaks its connection: both ends find it reset.
    /// Datagrams have none. Default: 0.
    ///
    /// # Panics
    ///
    /// If the chance is not from 0 to 1.
    #[track_caller]
    pub fn resets(mut self, chance: f64) -> NetworkConditions {
        self.resets = checked("resets", chance);
        self
    }

    /// Lets the network fall apart again and again: `every` is the time from the start, or from the
    /// last healing, until it does, and `lasting` the time until it heals, a millisecond at least;
    /// of each range that ends before it begins, the beginning counts.
    /// Meanwhile some half of the connections carry nothing. A connection bears that for some 50 s;
    /// then an end that has sent something finds it timed out. Between some half of the pairs of
    /// UDP sockets, datagrams are lost in both directions. Default: never.
    pub fn partitions(
        mut self,
        every: RangeInclusive<Duration>,
        lasting: RangeInclusive<Duration>,
    ) -> NetworkConditions {
        self.partitions = Some(Partitions { every, lasting });
        self
    }

    /// Gives an address a name. `localhost` is known from the start; the machine's names are not.
    ///
    /// # Panics
    ///
    /// If `address` is no IP address.
    #[track_caller]
    pub fn host(mut self, name: &str, address: &str) -> NetworkConditions {
        let Ok(address) = address.parse() else {
            panic!("the host {name} needs an IP address such as 10.0.0.1, and {address:?} is none");
        };
        self.hosts.insert(name.to_owned(), address);
        self
    }

    pub(super) fn address_of(&self, name: &str) -> Option<IpAddr> {
        let in_brackets = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let address = in_brackets.unwrap_or(name).parse();
        address.ok().or_else(|| self.hosts.get(name).copied())
    }
}

#[track_caller]
fn checked(setting: &str, chance: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&chance),
        "{setting}({chance}) is no chance: it is a number from 0 to 1, such as 0.01 for one packet \
         of a hundred"
    );
    chance
}
