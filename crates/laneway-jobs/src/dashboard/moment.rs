//! Times and durations as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::html::Html;

const DAY: u64 = 24 * 60 * 60;

/// A duration in the unit that fits: `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`.
pub(super) fn length(duration: Duration) -> String {
    let (ms, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 if ms == 0 && !duration.is_zero() => "<1 ms".to_owned(),
        0 => format!("{ms} ms"),
        1..10 if !ms.is_multiple_of(1_000) => format!("{:.1} s", duration.as_secs_f64()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / DAY),
    }
}

/// A moment beside another one: `3 s ago`, `in 5 min`.
pub(super) fn beside(moment: SystemTime, now: SystemTime) -> String {
    match now.duration_since(moment) {
        Ok(past) => format!("{} ago", length(past)),
        Err(ahead) => format!("in {}", length(ahead.duration())),
    }
}

/// A moment in UTC, to the second: `2026-01-31 23:59:59`.
pub(super) fn utc(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The date that is this number of days after the first of 1970. Years are counted from March on,
/// so that a leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// A moment as an element: beside now, and the time itself where a pointer rests.
pub(super) fn time(html: &mut Html, moment: SystemTime, now: SystemTime) {
    let text = utc(moment);
    let machine = format!("{}Z", text.replace(' ', "T"));
    let title = format!("{text} UTC");
    html.text_el(
        "time",
        &[("datetime", &machine), ("title", &title)],
        beside(moment, now),
    );
}

/// A moment that has passed. It may be a little after `now`, which is read first.
pub(super) fn past(html: &mut Html, moment: SystemTime, now: SystemTime) {
    time(html, moment.min(now), now);
}

/// The time itself, for a place that has room for it.
pub(super) fn whole_time(html: &mut Html, moment: SystemTime, now: SystemTime) {
    html.text(format_args!("{} UTC (", utc(moment)));
    time(html, moment, now);
    html.text(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(utc(at(seconds)), text);
        }
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_500, "1.5 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(length(Duration::from_millis(ms)), text);
        }
        assert_eq!(beside(at(60), at(90)), "30 s ago");
        assert_eq!(beside(at(90), at(60)), "in 30 s");
    }
}
