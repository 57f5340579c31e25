//! The ids of jobs: made by the process that enqueues, so that an insert can be sent again.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use laneway::time::now;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lock::unpoisoned;

/// A job's id: a UUID of version 7, whose order is that of creation within a process.
///
/// ```
/// use laneway_jobs::JobId;
///
/// let text = "018f0e9c-7b3a-7c00-8a1b-000000000001";
/// let id: JobId = text.parse()?;
/// assert_eq!(id.to_string(), text);
/// assert!("018f".parse::<JobId>().is_err());
/// # Ok::<(), laneway_jobs::NoJobId>(())
/// ```
///
/// It may stand in payloads and results, as its text:
///
/// ```
/// # use laneway_jobs::JobId;
/// let json = "\"018f0e9c-7b3a-7c00-8a1b-000000000001\"";
/// let id: JobId = serde_json::from_str(json)?;
/// assert_eq!(serde_json::to_string(&id)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u128);

impl JobId {
    /// The id in sixteen bytes, as stores keep it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id that [`to_bytes`](JobId::to_bytes) wrote.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> JobId {
        JobId(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
        write!(f, "{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no job's id: an id has 32 hexadecimal digits, with dashes or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoJobId(String);

impl fmt::Display for NoJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no job's id, which has 32 hexadecimal digits",
            self.0
        )
    }
}

impl std::error::Error for NoJobId {}

impl FromStr for JobId {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<JobId, NoJobId> {
        let hex: String = text.chars().filter(|&letter| letter != '-').collect();
        let digits = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits
            .then(|| u128::from_str_radix(&hex, 16).ok())
            .flatten();
        id.map(JobId).ok_or_else(|| NoJobId(text.to_owned()))
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Makes ids. Its clock is the wall clock at its start plus [`laneway::time::now`] since, so that
/// ids do not go back when the wall clock does, and follow a simulation's clock.
#[derive(Debug)]
pub(crate) struct IdSource {
    wall: Duration,
    opened: Instant,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    ms: u64,
    /// The lower 62 bits: drawn anew in each millisecond, and growing within one.
    tail: u64,
}

const TAIL_BITS: u32 = 62;

impl IdSource {
    pub(crate) fn new() -> IdSource {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        IdSource {
            wall: wall.unwrap_or_default(),
            opened: now(),
            last: Mutex::default(),
        }
    }

    pub(crate) fn next(&self) -> JobId {
        let elapsed = now().saturating_duration_since(self.opened);
        let ms = (self.wall + elapsed).as_millis() as u64;
        let mut last = unpoisoned(self.last.lock());
        if ms > last.ms {
            // The highest bit stays clear, so that a millisecond's ids do not overflow.
            *last = Last {
                ms,
                tail: fastrand::u64(..) >> (64 - TAIL_BITS + 1),
            };
        }
        last.tail += fastrand::u64(1..1 << 32);
        id_of(last.ms, last.tail)
    }
}

/// Milliseconds, the version, a place of twelve bits that stays zero, the variant, the tail.
fn id_of(ms: u64, tail: u64) -> JobId {
    let tail = u128::from(tail) & ((1 << TAIL_BITS) - 1);
    JobId((u128::from(ms) << 80) | (7 << 76) | (0b10 << TAIL_BITS) | tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_are_of_version_seven() {
        let source = IdSource::new();
        let ids: Vec<JobId> = (0..10_000).map(|_| source.next()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        let text = ids[0].to_string();
        assert_eq!(&text[14..15], "7");
        assert!("89ab".contains(&text[19..20]));
        assert_eq!(text.parse(), Ok(ids[0]));
    }
}
