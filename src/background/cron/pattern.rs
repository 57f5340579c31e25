//! A pattern of the times that clocks show, and the next of them.
//!
//! `croner` reads the pattern, and says of a year, a month, a day, an hour, a minute or a second
//! whether the pattern has it. The search is this file's, since `croner` goes from day to day, also
//! to one that is centuries away. There are fourteen kinds of years, by the length and by the
//! weekday of the first day, so that a year is passed by a look at the first matching day of its
//! kind.
//!
//! It knows no time zones.

use std::collections::BTreeMap;

use croner::{Cron, Weekday, YEAR_UPPER_LIMIT};
use jiff::civil::{Date, DateTime, DateTimeRound, Time, date};
use jiff::{RoundMode, Unit};

/// A pattern of the times that clocks show.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    cron: Cron,
    first_days: FirstDays,
}

/// The first matching day of each kind of years, by its number in the year.
type FirstDays = [Option<i16>; 14];

impl Pattern {
    /// Reads a pattern, or tells why it is none.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let cron: Cron = text.parse().map_err(|reason| format!("{reason}"))?;
        let mut places = text.split_whitespace().flat_map(|field| field.split(','));
        if places.any(str::is_empty) {
            return Err(
                "a comma stands between two values, and here one of them is missing".to_owned(),
            );
        }
        let first_days = first_days(&cron);
        Ok(Pattern { cron, first_days })
    }

    pub(super) fn has_all_hours(&self) -> bool {
        (0..24).all(|hour| self.has_hour(hour))
    }

    /// The first time that matches from a time on.
    pub(super) fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let seconds = DateTimeRound::new().smallest(Unit::Second);
        let from = from.round(seconds.mode(RoundMode::Ceil)).ok()?;
        let day = self.next_day(from.date())?;
        if day > from.date() {
            return self.first_time_of(day);
        }
        match self.next_time(from.time()) {
            Some(time) => Some(day.to_datetime(time)),
            None => self.first_time_of(self.next_day(day.tomorrow().ok()?)?),
        }
    }

    fn first_time_of(&self, day: Date) -> Option<DateTime> {
        let first = self.next_time(Time::midnight())?;
        Some(day.to_datetime(first))
    }

    /// The first day from a day on that matches.
    pub(super) fn next_day(&self, from: Date) -> Option<Date> {
        let in_its_year = self
            .has_year(from.year())
            .then(|| first_day_from(&self.cron, from));
        in_its_year.flatten().or_else(|| {
            let years = from.year() + 1..=YEAR_UPPER_LIMIT as i16;
            let mut years = years.filter(|year| self.has_year(*year));
            years.find_map(|year| self.first_day_of(year))
        })
    }

    fn first_day_of(&self, year: i16) -> Option<Date> {
        let new_year = date(year, 1, 1);
        let number = self.first_days[kind(new_year)]?;
        new_year.with().day_of_year(number).build().ok()
    }

    /// The first time of a day from a time on that matches.
    fn next_time(&self, from: Time) -> Option<Time> {
        let hours = (from.hour()..24).filter(|hour| self.has_hour(*hour));
        let mut hours = hours.map(|hour| match hour == from.hour() {
            true => from,
            false => Time::constant(hour, 0, 0, 0),
        });
        hours.find_map(|from| self.next_minute(from))
    }

    /// The first time of an hour from a time on that matches by its minute and second.
    fn next_minute(&self, from: Time) -> Option<Time> {
        let has_minute = |minute: &i8| {
            let matches = self.cron.pattern.minute_match(minute.unsigned_abs().into());
            matches.unwrap_or(false)
        };
        let has_second = |second: &i8| {
            let matches = self.cron.pattern.second_match(second.unsigned_abs().into());
            matches.unwrap_or(false)
        };
        let mut minutes = (from.minute()..60).filter(has_minute);
        minutes.find_map(|minute| {
            let first = match minute == from.minute() {
                true => from.second(),
                false => 0,
            };
            let second = (first..60).find(has_second)?;
            Some(Time::constant(from.hour(), minute, second, 0))
        })
    }

    fn has_hour(&self, hour: i8) -> bool {
        let matches = self.cron.pattern.hour_match(hour.unsigned_abs().into());
        matches.unwrap_or(false)
    }

    fn has_year(&self, year: i16) -> bool {
        let matches = self.cron.pattern.year_match(year.into());
        matches.unwrap_or(false)
    }
}

fn first_days(cron: &Cron) -> FirstDays {
    let mut first_days = FirstDays::default();
    // Of these years, each kind has one or more.
    let years: BTreeMap<usize, Date> = (2001..=2028)
        .map(|year| date(year, 1, 1))
        .map(|new_year| (kind(new_year), new_year))
        .collect();
    for (kind, new_year) in years {
        first_days[kind] = first_day_from(cron, new_year).map(Date::day_of_year);
    }
    first_days
}

/// The number of the kind of a year, by its first day.
fn kind(new_year: Date) -> usize {
    let weekday = new_year.weekday().to_monday_zero_offset();
    let is_long = new_year.in_leap_year();
    usize::from(weekday.unsigned_abs()) + 7 * usize::from(is_long)
}

/// The first day that matches from a day on, in the same year.
fn first_day_from(cron: &Cron, from: Date) -> Option<Date> {
    let year = from.year();
    let has_month = |month: &i8| {
        let matches = cron.pattern.month_match(month.unsigned_abs().into());
        matches.unwrap_or(false)
    };
    let mut months = (from.month()..=12).filter(has_month);
    months.find_map(|month| match month == from.month() {
        true => first_day_of_month(cron, from),
        false => first_day_of_month(cron, date(year, month, 1)),
    })
}

/// The first day that matches from a day on, in the same month, whichever month that is.
fn first_day_of_month(cron: &Cron, from: Date) -> Option<Date> {
    let (year, month) = (from.year(), from.month().unsigned_abs().into());
    let mut weekday = from.weekday().to_sunday_zero_offset().unsigned_abs();
    let mut is_day = |day: &i8| {
        let today = Weekday::from_days_from_sunday(weekday.into());
        weekday = (weekday + 1) % 7;
        let day = day.unsigned_abs().into();
        let matches = cron.pattern.day_match(year.into(), month, day, today);
        matches.unwrap_or(false)
    };
    let found = (from.day()..=from.days_in_month()).find(&mut is_day)?;
    Some(date(year, from.month(), found))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    /// A field of a pattern, drawn at random: mostly rare values.
    fn field(rng: &mut fastrand::Rng, (least, most): (u8, u8), special: &[&str]) -> String {
        let mut value = || rng.u8(least..=most);
        let (one, other) = (value(), value());
        match rng.u8(..10) {
            0..4 => "*".to_owned(),
            4..6 => one.to_string(),
            6 => format!("{},{}", one.min(other), one.max(other)),
            7 => format!("{}-{}", one.min(other), one.max(other)),
            8 => format!("*/{}", other.max(1)),
            _ => match rng.choice(special) {
                Some(special) => (*special).to_owned(),
                None => one.to_string(),
            },
        }
    }

    #[test]
    fn the_next_time_is_the_one_that_croner_comes_to_day_by_day() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut compared = 0;
        while compared < 1_000 {
            let fields = [
                field(&mut rng, (0, 59), &[]),
                field(&mut rng, (0, 59), &[]),
                field(&mut rng, (0, 23), &[]),
                field(&mut rng, (1, 31), &["L", "LW", "15W", "31W", "30"]),
                field(&mut rng, (1, 12), &["2", "FEB"]),
                field(&mut rng, (0, 6), &["MON#5", "FRI#L", "+MON", "+6#1"]),
            ];
            let text = fields.join(" ");
            let Ok(pattern) = Pattern::parse(&text) else {
                continue;
            };
            let day = date(rng.i16(1950..2150), rng.i8(1..=12), rng.i8(1..=28));
            let from = day.at(rng.i8(0..24), rng.i8(0..60), rng.i8(0..60), 0);
            let from = match rng.bool() {
                true => from,
                false => from + 1.millisecond(),
            };
            let next = pattern.next_from(from);
            // Its way to a day that is far away takes it a while.
            if next.is_none_or(|next| next.year() > from.year() + 4) {
                continue;
            }
            let croners = pattern.cron.find_next_occurrence(&from, next == Some(from));
            assert_eq!(next, croners.ok(), "{text:?} from {from}");
            compared += 1;
        }
    }
}
