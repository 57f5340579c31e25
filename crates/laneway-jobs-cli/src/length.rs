//! Lengths of time, as people write and read them.

use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads a whole number with a unit: `90s`, `15m`, `2h`, `7d`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Its greatest unit, rounded down.
pub(crate) fn shown(length: Duration) -> String {
    let seconds = length.as_secs();
    let unit = UNITS.into_iter().find(|(_, unit)| seconds >= *unit);
    let (unit, of) = unit.unwrap_or(("s", 1));
    format!("{}{unit}", seconds / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_shown_as_it_was() {
        for text in ["0s", "59s", "3m", "23h", "400d"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
        for wrong in ["", "s", "5", "-5s", "1.5h", "5 m", "99999999999999999999d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
