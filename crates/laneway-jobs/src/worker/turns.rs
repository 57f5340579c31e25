//! Whose turn the next claim of a queue is: that of jobs without limit keys, or of those with them.
//!
//! They are claimed by turns while both are due, so that neither keeps the other waiting for more
//! than one claim. Of the keys a claim looks at some, and the next one goes on behind them. Where
//! all of those were full it looks at more the next time, and not at once: full keys cost little
//! however many there are.

use std::time::Duration;

use crate::store::{Claimed, KeyRound, Whom};

/// The keys that a claim looks at, beside those that it may take jobs of.
const KEYS_BESIDE: u32 = 16;
/// A claim looks at no more keys.
const MOST_KEYS: u32 = 1_024;
/// The time between two claims that found all their keys full.
const FULL: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Jobs with limit keys are due, as far as the last claim told.
    keys_left: bool,
    /// The last claim for other jobs was full.
    others_left: bool,
    /// The last claim was for jobs with keys.
    were_keyed: bool,
    /// How many claims for jobs with keys have found none, one after the other.
    vain: u32,
    last_key: String,
}

/// What a claim says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextTurn {
    /// It comes at once.
    Now,
    /// It comes after this time, unless something wakes the claimer earlier.
    In(Duration),
    /// There is no reason for one.
    None,
}

impl Turns {
    /// For whom the next claim is, unless it is for a suspect.
    pub(super) fn next(&self) -> Whom {
        match self.keys_left && !self.were_keyed {
            true => Whom::Keyed,
            false => Whom::Innocents,
        }
    }

    /// Where the next claim for jobs with keys looks, if it may take `limit` of them.
    pub(super) fn round(&self, limit: usize) -> KeyRound {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let keys = limit.saturating_mul(4).saturating_add(KEYS_BESIDE);
        KeyRound {
            after: self.last_key.clone(),
            keys: keys.saturating_mul(1 << self.vain.min(16)).min(MOST_KEYS),
        }
    }

    /// A claim for at most `limit` jobs is back.
    pub(super) fn claimed(&mut self, whom: Whom, claimed: &Claimed, limit: usize) -> NextTurn {
        let (found, is_full) = (claimed.jobs.len(), claimed.jobs.len() >= limit);
        // Only a claim for such jobs tells that none are left.
        self.keys_left = claimed.keys_left || (self.keys_left && whom != Whom::Keyed);
        self.were_keyed = whom == Whom::Keyed;
        match whom {
            Whom::Suspects => NextTurn::None,
            Whom::Innocents => {
                self.others_left = is_full;
                match self.keys_left {
                    true => NextTurn::Now,
                    false => NextTurn::None,
                }
            }
            Whom::Keyed => {
                self.vain = if found == 0 { self.vain + 1 } else { 0 };
                self.last_key = claimed.last_key.clone().unwrap_or_default();
                match () {
                    () if self.others_left || is_full => NextTurn::Now,
                    () if self.keys_left => NextTurn::In(FULL),
                    () => NextTurn::None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(keys_left: bool) -> Claimed {
        Claimed {
            keys_left,
            ..Claimed::default()
        }
    }

    #[test]
    fn claims_take_turns_while_keys_are_left() {
        let mut turns = Turns::default();
        assert_eq!(turns.next(), Whom::Innocents);
        let next = turns.claimed(Whom::Innocents, &answer(true), 0);
        assert_eq!((next, turns.next()), (NextTurn::Now, Whom::Keyed));
        let next = turns.claimed(Whom::Keyed, &answer(true), 1);
        assert_eq!(
            (next, turns.next()),
            (NextTurn::Now, Whom::Innocents),
            "others were left"
        );
        let _ = turns.claimed(Whom::Innocents, &answer(true), 1);
        let next = turns.claimed(Whom::Keyed, &answer(false), 1);
        assert_eq!((next, turns.next()), (NextTurn::None, Whom::Innocents));
    }

    #[test]
    fn a_claim_that_did_not_look_for_keys_ends_no_round() {
        let mut turns = Turns::default();
        let _ = turns.claimed(Whom::Innocents, &answer(true), 1);
        assert_eq!(
            turns.claimed(Whom::Keyed, &answer(true), 1),
            NextTurn::In(FULL)
        );
        let next = turns.claimed(Whom::Innocents, &answer(false), 1);
        assert_eq!((next, turns.next()), (NextTurn::Now, Whom::Keyed));
    }

    #[test]
    fn claims_that_find_full_keys_pause_and_look_at_more() {
        let mut turns = Turns::default();
        let first = turns.round(1).keys;
        for _ in 0..40 {
            let _ = turns.claimed(Whom::Innocents, &answer(true), 1);
            let next = turns.claimed(Whom::Keyed, &answer(true), 1);
            assert_eq!(next, NextTurn::In(FULL));
        }
        assert!(first < MOST_KEYS && turns.round(1).keys == MOST_KEYS);
        let _ = turns.claimed(Whom::Innocents, &answer(true), 1);
        assert_eq!(
            turns.claimed(Whom::Keyed, &answer(false), 1),
            NextTurn::None
        );
    }
}
