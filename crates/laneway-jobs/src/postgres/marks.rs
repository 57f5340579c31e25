//! The low-water mark of each lane: below it lie, as a rule, only jobs that were claimed.
//!
//! An index keeps the entries of claimed rows for as long as any snapshot in the database may see
//! them. A claim that began at the front would go through all of them; it begins at the last job
//! that was claimed. Where jobs of other kinds are the first ones from there, it goes from the
//! front, kind by kind. A job may still lie below the mark, where its transaction took longer than
//! that of a later one. So a claim begins at the front now and then, and always when it finds
//! nothing.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use laneway::Priority;
use laneway::time::now;

use super::claiming::OthersFirst;
use crate::lock::unpoisoned;
use crate::micros::Micros;
use crate::store::Claim;

/// One claim in this many begins at the front.
const FRONT_EVERY: u32 = 64;
/// And one in this time.
const FRONT_AFTER: Duration = Duration::from_secs(1);
/// The number of queues and sets of kinds whose marks are kept.
const KEPT: usize = 256;

/// A queue and the kinds that are claimed: a claim for other kinds has left other jobs behind.
type Key = (String, Vec<String>);

#[derive(Debug, Default)]
pub(super) struct Marks(Mutex<HashMap<Key, Mark>>);

#[derive(Debug)]
struct Mark {
    from: From,
    /// As the last claim has found it.
    others: Option<OthersFirst>,
    claims: u32,
    front_at: Instant,
}

/// Where a claim begins in each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct From {
    pub(super) high: Micros,
    pub(super) low: Micros,
}

impl From {
    pub(super) const FRONT: From = From {
        high: Micros::MIN,
        low: Micros::MIN,
    };

    pub(super) fn lane(self, lane: Priority) -> Micros {
        match lane {
            Priority::High => self.high,
            Priority::Low => self.low,
        }
    }
}

impl Marks {
    /// Where the next claim begins.
    pub(super) fn next(&self, claim: &Claim) -> From {
        let mut marks = unpoisoned(self.0.lock());
        let Some(mark) = marks.get_mut(&key(claim)) else {
            return From::FRONT;
        };
        mark.claims += 1;
        let may_go_on = mark.others.is_none() && mark.claims < FRONT_EVERY;
        if may_go_on && now() - mark.front_at < FRONT_AFTER {
            return mark.from;
        }
        (mark.claims, mark.front_at) = (0, now());
        From::FRONT
    }

    /// Notes when the jobs of a claim were due, and what was in its way.
    pub(super) fn claimed(
        &self,
        claim: &Claim,
        due: impl Iterator<Item = (Priority, Micros)>,
        others: Option<OthersFirst>,
    ) {
        let mut marks = unpoisoned(self.0.lock());
        if marks.len() >= KEPT {
            marks.clear();
        }
        let mark = marks.entry(key(claim)).or_insert_with(|| Mark {
            from: From::FRONT,
            others,
            claims: 0,
            front_at: now(),
        });
        mark.others = others;
        for (lane, run_at) in due {
            let from = match lane {
                Priority::High => &mut mark.from.high,
                Priority::Low => &mut mark.from.low,
            };
            *from = run_at.max(*from);
        }
    }

    /// The next claims begin at the front.
    pub(super) fn forget(&self) {
        unpoisoned(self.0.lock()).clear();
    }
}

fn key(claim: &Claim) -> Key {
    (claim.queue.clone(), claim.kinds.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_id::JobId;
    use crate::store::{Bounds, ClaimId, ClaimOrder, KeyRound, Whom};

    fn claim(kind: &str) -> Claim {
        Claim {
            id: ClaimId::new(JobId::from_bytes([0; 16])),
            queue: "default".to_owned(),
            kinds: vec![kind.to_owned()],
            limit: 1,
            order: ClaimOrder::HighFirst,
            whom: Whom::Innocents,
            lease: Duration::from_secs(1),
            worker: String::new(),
            bounds: Bounds::default(),
            round: KeyRound::default(),
        }
    }

    #[test]
    fn a_claim_begins_at_the_mark_and_one_in_64_at_the_front() {
        let marks = Marks::default();
        assert_eq!(marks.next(&claim("a")), From::FRONT);
        marks.claimed(
            &claim("a"),
            [(Priority::Low, 7), (Priority::Low, 5)].into_iter(),
            None,
        );
        let (high, low) = (Micros::MIN, 7);
        let begun: Vec<From> = (0..64).map(|_| marks.next(&claim("a"))).collect();
        assert_eq!(begun[0], From { high, low });
        assert!(begun.contains(&From::FRONT));
        assert_eq!(
            marks.next(&claim("b")),
            From::FRONT,
            "other kinds were left behind"
        );
        marks.claimed(&claim("a"), std::iter::empty(), Some(OthersFirst));
        assert_eq!(
            marks.next(&claim("a")),
            From::FRONT,
            "others are in its way"
        );
        marks.claimed(&claim("a"), std::iter::empty(), None);
        assert_eq!(marks.next(&claim("a")), From { high, low });
        marks.forget();
        assert_eq!(marks.next(&claim("a")), From::FRONT);
    }
}
