//! The readiness of a socket.

use std::ops::{BitOr, BitOrAssign};

/// A way in which bytes go through a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

/// The directions in which a socket is ready, as far as the system has said: a set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness(u8);

/// The bits of a word that hold a readiness. Those above it are for other uses.
pub(super) const BITS: u32 = 8;

impl Readiness {
    pub(super) const NONE: Readiness = Readiness(0);
    /// A read need not wait. Set by the system's events, and taken back by a read that found too
    /// little or nothing.
    pub(super) const READ: Readiness = Readiness(1);
    /// A write need not wait. Set and taken back in the same way.
    pub(super) const WRITE: Readiness = Readiness(2);
    /// The peer sends no more: reads end at once, for good. Comes with `READ`.
    pub(super) const READ_CLOSED: Readiness = Readiness(4);
    /// Nothing can be sent any more: writes fail at once, for good. Comes with `WRITE`.
    pub(super) const WRITE_CLOSED: Readiness = Readiness(8);
    /// The runtime has ended, and with it all news. Never taken back.
    pub(super) const GONE: Readiness = Readiness(16);
    /// An urgent byte has come: from then on a read may end although there is more. Never taken
    /// back.
    pub(super) const URGENT: Readiness = Readiness(32);

    /// The last read for which the budget of its poll was used up was put off. The next such one is
    /// not. Changed by these alone.
    pub(super) const READ_PUT_OFF: Readiness = Readiness(64);
    /// The same of writes.
    pub(super) const WRITE_PUT_OFF: Readiness = Readiness(128);

    pub(super) fn bits(self) -> usize {
        self.0.into()
    }

    /// The lowest bits of a word.
    pub(super) fn of(word: usize) -> Readiness {
        Readiness((word & ((1 << BITS) - 1)) as u8)
    }

    pub(super) fn has(self, all: Readiness) -> bool {
        self.0 & all.0 == all.0
    }

    /// Whether an attempt in this direction may succeed.
    pub(super) fn allows(self, direction: Direction) -> bool {
        self.has(Readiness::from(direction)) || self.has(Readiness::GONE)
    }

    /// The readiness that is to be forgotten after an attempt in this direction that has used up
    /// all that there was. A direction that is closed stays ready: the next attempt learns of the
    /// end. So does one where that attempt may have ended before an urgent byte.
    pub(super) fn used_up(self, direction: Direction) -> Readiness {
        let ends_early = direction == Direction::Read && self.has(Readiness::URGENT);
        match self.has(Readiness::closed(direction)) || ends_early {
            true => Readiness::NONE,
            false => direction.into(),
        }
    }

    /// The same after an attempt in this direction that would have had to wait. So the direction is
    /// not closed either, whatever an event has said: the event was another socket's that had the
    /// same number before, or told of an error that a socket for datagrams has outlived.
    pub(super) fn disproved(direction: Direction) -> Readiness {
        Readiness::from(direction) | Readiness::closed(direction)
    }

    /// Whether both directions are closed, or there will be no more news.
    pub(super) fn is_over(self) -> bool {
        self.has(Readiness::READ_CLOSED | Readiness::WRITE_CLOSED) || self.has(Readiness::GONE)
    }

    pub(super) fn put_off(direction: Direction) -> Readiness {
        match direction {
            Direction::Read => Readiness::READ_PUT_OFF,
            Direction::Write => Readiness::WRITE_PUT_OFF,
        }
    }

    fn closed(direction: Direction) -> Readiness {
        match direction {
            Direction::Read => Readiness::READ_CLOSED,
            Direction::Write => Readiness::WRITE_CLOSED,
        }
    }
}

impl From<Direction> for Readiness {
    fn from(direction: Direction) -> Readiness {
        match direction {
            Direction::Read => Readiness::READ,
            Direction::Write => Readiness::WRITE,
        }
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    fn bitor(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Readiness) {
        self.0 |= other.0;
    }
}
