//! Up to where the ends of leases have been looked at.
//!
//! The index over running jobs keeps entries of settled ones for as long as any snapshot may see
//! them. Leases that ended long ago were rescued by an earlier look, so that a look begins a
//! second before the last one. A row that was locked at that time is found by a look at all of
//! them.

use std::sync::Mutex;

use crate::lock::unpoisoned;
use crate::micros::Micros;

/// One look in this many begins at the front.
const FRONT_EVERY: u32 = 64;
/// A claim that has taken this long to commit is still seen.
const SLACK: Micros = 1_000_000;

#[derive(Debug)]
pub(super) struct LostMark(Mutex<Mark>);

#[derive(Debug)]
struct Mark {
    after: Micros,
    looks: u32,
}

impl Default for LostMark {
    fn default() -> LostMark {
        LostMark(Mutex::new(Mark {
            after: Micros::MIN,
            looks: 0,
        }))
    }
}

impl LostMark {
    /// Leases that ended after this are looked at.
    pub(super) fn next(&self) -> Micros {
        let mut mark = unpoisoned(self.0.lock());
        mark.looks += 1;
        if mark.looks.is_multiple_of(FRONT_EVERY) {
            mark.after = Micros::MIN;
        }
        mark.after
    }

    /// All that had ended at T was rescued.
    pub(super) fn looked(&self, t: Micros) {
        unpoisoned(self.0.lock()).after = t.saturating_sub(SLACK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_begins_a_second_before_the_last_one_and_now_and_then_at_the_front() {
        let mark = LostMark::default();
        assert_eq!(mark.next(), Micros::MIN);
        mark.looked(5_000_000);
        let looks: Vec<Micros> = (0..63).map(|_| mark.next()).collect();
        assert_eq!((looks[0], looks[61]), (4_000_000, 4_000_000));
        assert_eq!(looks[62], Micros::MIN);
    }
}
