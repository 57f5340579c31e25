//! Times in UTC, as people and programs read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::length;

const DAY: u64 = 86_400;

/// A time with the seconds, for people.
pub(crate) fn shown(time: SystemTime) -> String {
    let since = since_epoch(time);
    let (date, clock) = (date(since.as_secs() / DAY), time_of_day(since));
    format!("{date} {clock}")
}

/// A time with microseconds, as RFC 3339 has it.
pub(crate) fn exact(time: SystemTime) -> String {
    let since = since_epoch(time);
    let (date, clock) = (date(since.as_secs() / DAY), time_of_day(since));
    format!("{date}T{clock}.{:06}Z", since.subsec_micros())
}

/// How far a time is from now: `in 5m`, `3h ago`.
pub(crate) fn relative(time: SystemTime, now: SystemTime) -> String {
    match time.duration_since(now) {
        Ok(ahead) if ahead.as_secs() > 0 => format!("in {}", length::shown(ahead)),
        _ => {
            let ago = now.duration_since(time).unwrap_or_default();
            format!("{} ago", length::shown(ago))
        }
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn time_of_day(since: Duration) -> String {
    let seconds = since.as_secs() % DAY;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// The date of a day since 1970. Years begin in March here, so that a leap day is the last.
fn date(day: u64) -> String {
    // Day 0 is then the first of March in the year 0, and 400 years always have as many days.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..10 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    format!("{:04}-{month:02}-{of_month:02}", era * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_read_as_such() {
        let known = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_799, "2000-02-29T23:59:59.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(exact(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert_eq!(shown(UNIX_EPOCH), "1970-01-01 00:00:00");
    }

    #[test]
    fn distances_have_one_unit() {
        let now = UNIX_EPOCH + Duration::from_secs(10_000);
        assert_eq!(relative(now + Duration::from_secs(300), now), "in 5m");
        assert_eq!(relative(now - Duration::from_secs(7_300), now), "2h ago");
        assert_eq!(relative(now, now), "0s ago");
    }
}
