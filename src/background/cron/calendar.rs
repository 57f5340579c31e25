//! The moments that match a pattern in a time zone, and the times that are missing there or come
//! twice.
//!
//! The pattern speaks of the time that clocks show, and `croner` finds the next one that it
//! matches. This file turns that into a moment. Where clocks are put forward, some
//! times are not shown, and where they are put back, some are shown twice; `jiff` knows where.
//!
//! It reads no clock.

use std::collections::HashMap;
use std::ops::Bound;
use std::time::SystemTime;

use croner::{Cron, Weekday, YEAR_UPPER_LIMIT};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

use super::error::CronError;

/// A pattern in a time zone.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pattern: Cron,
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
        let parsed = parse(pattern).map_err(|reason| CronError::Pattern {
            pattern: pattern.to_owned(),
            reason,
        })?;
        let matches = |hour| parsed.pattern.hour_match(hour).unwrap_or(false);
        let hours = match (0..24).all(matches) {
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

    /// Whether any year from that of this moment on has a day that matches. Where none has, to look
    /// for the next moment takes seconds: `croner` looks at every day up to the year 5000.
    pub(super) fn has_a_day_since(&self, moment: SystemTime) -> bool {
        let Ok(moment) = Timestamp::try_from(moment) else {
            return false;
        };
        let first = self.zone.to_datetime(moment).year();
        let years = (first..=YEAR_UPPER_LIMIT as i16).filter(|year| self.matches_year(*year));
        // There are fourteen kinds of years, by the length and by the weekday of the first day.
        let mut kinds = HashMap::new();
        for new_year in years.map(|year| date(year, 1, 1)) {
            let kind = (new_year.in_leap_year(), new_year.weekday());
            kinds.entry(kind).or_insert(new_year);
        }
        kinds
            .into_values()
            .any(|new_year| self.has_a_day_in(new_year))
    }

    fn has_a_day_in(&self, new_year: Date) -> bool {
        let days = new_year.series(Span::new().days(1));
        let mut days = days.take_while(|day| day.year() == new_year.year());
        days.any(|day| self.matches_day(day))
    }

    fn matches_year(&self, year: i16) -> bool {
        self.pattern
            .pattern
            .year_match(year.into())
            .unwrap_or(false)
    }

    fn matches_day(&self, day: Date) -> bool {
        let pattern = &self.pattern.pattern;
        let (year, month) = (day.year().into(), day.month().unsigned_abs().into());
        let weekday = Weekday::from_days_from_sunday(
            day.weekday().to_sunday_zero_offset().unsigned_abs().into(),
        );
        let in_month = day.day().unsigned_abs().into();
        let is_day = || pattern.day_match(year, month, in_month, weekday);
        pattern.month_match(month).unwrap_or(false) && is_day().unwrap_or(false)
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
        let mut shown = self.zone.to_datetime(after);
        loop {
            shown = self.pattern.find_next_occurrence(&shown, false).ok()?;
            // Not after it is what has come already: the first of two, or what the end of a gap
            // stood for.
            let moment = self.moment_of(shown)?;
            if moment > after {
                return Some(moment);
            }
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
                let just_beyond = beyond.checked_add(SignedDuration::from_nanos(1)).ok()?;
                let end = self.zone.preceding(just_beyond).next()?;
                Some(end.timestamp())
            }
        }
    }

    /// Goes by the moments as they pass: from one change of clocks to the next, clocks are steady.
    fn next_of_all(&self, after: Timestamp) -> Option<Timestamp> {
        let mut next = self.next_while_steady(Bound::Excluded(after))?;
        for change in self.zone.following(after) {
            let change = change.timestamp();
            if next < change {
                break;
            }
            next = self.next_while_steady(Bound::Included(change))?;
        }
        Some(next)
    }

    /// The next moment as if clocks never changed any more.
    fn next_while_steady(&self, from: Bound<Timestamp>) -> Option<Timestamp> {
        let (from, is_included) = match from {
            Bound::Included(from) => (from, true),
            Bound::Excluded(from) => (from, false),
            Bound::Unbounded => (Timestamp::MIN, true),
        };
        let offset = self.zone.to_offset(from);
        let shown = offset.to_datetime(from);
        let next = self
            .pattern
            .find_next_occurrence(&shown, is_included)
            .ok()?;
        offset.to_timestamp(next).ok()
    }
}

/// Reads a pattern, or tells why it is none.
fn parse(pattern: &str) -> Result<Cron, String> {
    let parsed: Cron = pattern.parse().map_err(|reason| format!("{reason}"))?;
    let mut places = pattern
        .split_whitespace()
        .flat_map(|field| field.split(','));
    if places.any(str::is_empty) {
        return Err(
            "a comma stands between two values, and here one of them is missing".to_owned(),
        );
    }
    Ok(parsed)
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
