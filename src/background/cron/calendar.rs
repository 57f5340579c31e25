//! The moments that match a pattern in a time zone, and the times that are missing there or come
//! twice.
//!
//! The pattern speaks of the time that clocks show, and `pattern.rs` finds the next one that it
//! matches. This file turns that into a moment. Where clocks are put forward, some
//! times are not shown, and where they are put back, some are shown twice; `jiff` knows where.
//!
//! It reads no clock.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::error::CronError;
use super::pattern::Pattern;

/// The smallest step of time.
const MOMENT: SignedDuration = SignedDuration::from_nanos(1);

/// A pattern in a time zone.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pattern: Pattern,
    hours: Hours,
    zone: TimeZone,
}

/// Which hours a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hours {
    /// Each of its times comes once a day: after the gap if it is missing, and the first of two.
    Named,
    /// It goes by every hour that passes, whatever clocks call it.
    All,
}

impl Calendar {
    pub(super) fn new(pattern: &str, zone: &str) -> Result<Calendar, CronError> {
        let parsed = Pattern::parse(pattern).map_err(|reason| CronError::Pattern {
            pattern: pattern.to_owned(),
            reason,
        })?;
        let hours = match parsed.has_all_hours() {
            true => Hours::All,
            false => Hours::Named,
        };
        let zone = TimeZone::get(zone).map_err(|_| CronError::Zone(zone.to_owned()))?;
        Ok(Calendar {
            pattern: parsed,
            hours,
            zone,
        })
    }

    /// The first moment after this one at which the pattern matches.
    pub(super) fn next_after(&self, after: SystemTime) -> Option<SystemTime> {
        let after = Timestamp::try_from(after).ok()?;
        let next = match self.hours {
            Hours::Named => self.next_named(after),
            Hours::All => self.next_of_all(after),
        };
        next.map(SystemTime::from)
    }

    /// Goes by the times that clocks show, each once.
    fn next_named(&self, after: Timestamp) -> Option<Timestamp> {
        // By the clock of this moment: the next one may lie behind a gap.
        let mut from = self.zone.to_datetime(after).checked_add(MOMENT).ok()?;
        loop {
            let shown = self.pattern.next_from(from)?;
            // Not after it is what has come already: the first of two, or what the end of a gap
            // stood for.
            let moment = self.moment_of(shown)?;
            if moment > after {
                return Some(moment);
            }
            from = shown.checked_add(MOMENT).ok()?;
        }
    }

    /// The moment that stands for a time: the first of two, the end of the gap that it lies in.
    fn moment_of(&self, shown: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let is_missing = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        match is_missing {
            false => ambiguous.earlier().ok(),
            true => {
                // By the offset before the gap, it lies beyond its end by as much as it is in it.
                let beyond = ambiguous.later().ok()?;
                let just_beyond = beyond.checked_add(MOMENT).ok()?;
                let end = self.zone.preceding(just_beyond).next()?;
                Some(end.timestamp())
            }
        }
    }

    /// Goes by the moments as they pass: from one change of clocks to the next, clocks are steady.
    fn next_of_all(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = after.checked_add(MOMENT).ok()?;
        loop {
            let next = self.next_while_steady(from)?;
            match self.zone.following(from).next() {
                Some(change) if change.timestamp() <= next => {
                    from = self.before_next_day(change.timestamp())?;
                }
                _ => return Some(next),
            }
        }
    }

    /// The next moment from one on, as if clocks never changed any more.
    fn next_while_steady(&self, from: Timestamp) -> Option<Timestamp> {
        let offset = self.zone.to_offset(from);
        let next = self.pattern.next_from(offset.to_datetime(from))?;
        offset.to_timestamp(next).ok()
    }

    /// This moment, or a later one before which no clock shows a day that matches: there may be
    /// thousands of changes of clocks until then.
    fn before_next_day(&self, moment: Timestamp) -> Option<Timestamp> {
        // No clock is two days away from this one.
        let utc = Offset::UTC;
        let first_shown = utc.to_datetime(moment).date().saturating_sub(2.days());
        let day = self.pattern.next_day(first_shown)?.saturating_sub(2.days());
        let before = utc.to_timestamp(day.into()).ok()?;
        Some(moment.max(before))
    }
}

/// The pattern of a time of day, `03:00` or `15:04:05`.
pub(super) fn daily(time: &str) -> Result<String, CronError> {
    let parts: Option<Vec<u32>> = time.split(':').map(two_digits).collect();
    match parts.as_deref() {
        Some([hour @ 0..24, minute @ 0..60]) => Ok(format!("{minute} {hour} * * *")),
        Some([hour @ 0..24, minute @ 0..60, second @ 0..60]) => {
            Ok(format!("{second} {minute} {hour} * * *"))
        }
        _ => Err(CronError::Time(time.to_owned())),
    }
}

fn two_digits(part: &str) -> Option<u32> {
    let is_plain = matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| part.parse().ok()).flatten()
}
