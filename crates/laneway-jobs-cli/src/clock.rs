//! Times in UTC, as people and programs read them.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::length;

/// A time with the seconds, for people.
pub(crate) fn shown(time: SystemTime) -> String {
    written(time, "%Y-%m-%d %H:%M:%S")
}

/// A time with microseconds, as RFC 3339 has it.
pub(crate) fn exact(time: SystemTime) -> String {
    written(time, "%Y-%m-%dT%H:%M:%S.%6fZ")
}

/// A job may be due after the last day of the calendar; that day is written then.
fn written(time: SystemTime, form: &str) -> String {
    let moment = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    moment.strftime(form).to_string()
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_written_in_utc_and_none_is_too_late() {
        let time = UNIX_EPOCH + Duration::from_micros(951_868_799_000_007);
        assert_eq!(exact(time), "2000-02-29T23:59:59.000007Z");
        assert_eq!(exact(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown(time), "2000-02-29 23:59:59");
        let late = UNIX_EPOCH + Duration::from_secs(70_000 * 366 * 86_400);
        assert!(shown(late).starts_with("9999-12-"), "{}", shown(late));
    }

    #[test]
    fn distances_have_one_unit() {
        let now = UNIX_EPOCH + Duration::from_secs(10_000);
        assert_eq!(relative(now + Duration::from_secs(300), now), "in 5m");
        assert_eq!(relative(now - Duration::from_secs(7_300), now), "2h ago");
        assert_eq!(relative(now, now), "0s ago");
    }
}
