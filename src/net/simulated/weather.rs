//! The chances of a simulated network, drawn from the seed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::conditions::{NetworkConditions, Partitions};

/// How long after a loss a connection sends a packet again, at first.
pub(super) const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Draws delays and faults.
#[derive(Debug)]
pub(super) struct Weather {
    pub(super) conditions: NetworkConditions,
    rng: fastrand::Rng,
    cut_off: BTreeSet<IpAddr>,
    /// The partition that holds or is to come.
    partition: Option<Partition>,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    begin: Instant,
    end: Instant,
    /// Decides which addresses lie on which side.
    salt: u64,
}

/// A connection, or the way between two sockets of datagrams, as partitions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) between: [IpAddr; 2],
}

impl Weather {
    pub(super) fn new(
        conditions: NetworkConditions,
        mut rng: fastrand::Rng,
        now: Instant,
    ) -> Weather {
        let partition = conditions.partitions.as_ref();
        let partition = partition.map(|partitions| Partition::draw(partitions, &mut rng, now));
        Weather {
            conditions,
            rng,
            cut_off: BTreeSet::new(),
            partition,
        }
    }

    /// How long a packet of a connection takes, with its repetitions.
    pub(super) fn delay(&mut self) -> Duration {
        let mut delay = draw(&mut self.rng, &self.conditions.delay);
        let mut again = RETRANSMISSION;
        // Six times at most, which take 12.6 s: a longer delay would look like a cut, which ends a
        // connection after some 50 s.
        while again < 64 * RETRANSMISSION && self.rng.f64() < self.conditions.loss {
            delay += again;
            again *= 2;
        }
        delay
    }

    /// How long a datagram takes, which is sent once.
    pub(super) fn delay_once(&mut self) -> Duration {
        draw(&mut self.rng, &self.conditions.delay)
    }

    /// Whether a datagram is lost.
    pub(super) fn loses(&mut self) -> bool {
        self.conditions.loss > 0.0 && self.rng.f64() < self.conditions.loss
    }

    /// Whether this packet breaks its connection.
    pub(super) fn resets(&mut self) -> bool {
        self.conditions.resets > 0.0 && self.rng.f64() < self.conditions.resets
    }

    /// Whether nothing goes this way at the moment.
    pub(super) fn cuts(&mut self, link: Link, now: Instant) -> bool {
        link.between.iter().any(|end| self.cut_off.contains(end)) || self.divides(link, now)
    }

    fn divides(&mut self, link: Link, now: Instant) -> bool {
        let (Some(partitions), Some(partition)) =
            (&self.conditions.partitions, &mut self.partition)
        else {
            return false;
        };
        while partition.end <= now {
            *partition = Partition::draw(partitions, &mut self.rng, partition.end);
        }
        partition.begin <= now && fastrand::Rng::with_seed(partition.salt ^ link.number).bool()
    }

    pub(super) fn cut_off(&mut self, address: IpAddr) {
        self.cut_off.insert(address);
    }

    pub(super) fn reconnect(&mut self, address: IpAddr) {
        self.cut_off.remove(&address);
    }
}

impl Partition {
    /// The one after `healed`.
    fn draw(partitions: &Partitions, rng: &mut fastrand::Rng, healed: Instant) -> Partition {
        let begin = healed + draw(rng, &partitions.every);
        // One without a length would come again and again at one moment.
        let length = draw(rng, &partitions.lasting).max(Duration::from_millis(1));
        Partition {
            begin,
            end: begin + length,
            salt: rng.u64(..),
        }
    }
}

fn draw(rng: &mut fastrand::Rng, range: &RangeInclusive<Duration>) -> Duration {
    let (least, most) = (ticks(*range.start()), ticks(*range.end()));
    Duration::from_nanos(rng.u64(least..=most.max(least)))
}

/// A time as a number to draw from. One that no number holds counts as some 500 years.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
