//! The frames of a client in HTTP/2, counted as far as they belong to no request.
//!
//! h2 has a bound for streams that are reset and for blocks of fields that do not end. A PING or
//! SETTINGS is answered, and a PRIORITY or an empty DATA dropped, as often as the client likes. So
//! these are counted here, before hyper gets them.

use std::time::{Duration, Instant};

use laneway::time::now;

use super::preface::PREFACE;

/// How many frames that belong to no request a client may send, within what time. A client that
/// measures its line by a PING for each round trip stays below it.
const MOST: u32 = 10_000;
const TIME: Duration = Duration::from_secs(10);

/// The head of a frame: its length in three bytes, its kind, its flags and its stream.
const HEAD: usize = 9;
const KIND: usize = 3;
const FLAGS: usize = 4;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// The frames of a connection so far.
#[derive(Debug)]
pub(crate) struct Frames {
    /// How much of the preface or of a payload is to come before the next head.
    ahead: usize,
    head: [u8; HEAD],
    /// How much of the head has come.
    come: usize,
    /// The frames that belong to no request, and since when they are counted. From zero again
    /// once they are as many as may be, and have taken their time.
    beside: u32,
    since: Instant,
}

/// Whether a client keeps within the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a flood has to be stopped"]
pub(crate) enum Pace {
    Fair,
    Flood,
}

impl Frames {
    /// Before the preface.
    pub(crate) fn new(since: Instant) -> Frames {
        Frames {
            ahead: PREFACE.len(),
            head: [0; HEAD],
            come: 0,
            beside: 0,
            since,
        }
    }

    /// Looks at the next bytes.
    pub(crate) fn take_in(&mut self, mut bytes: &[u8]) -> Pace {
        loop {
            let skipped = self.ahead.min(bytes.len());
            self.ahead -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Pace::Fair;
            }
            let of_head = bytes.len().min(HEAD - self.come);
            self.head[self.come..self.come + of_head].copy_from_slice(&bytes[..of_head]);
            self.come += of_head;
            bytes = &bytes[of_head..];
            if self.come == HEAD && self.begin() == Pace::Flood {
                return Pace::Flood;
            }
        }
    }

    /// Begins the frame whose head has come.
    fn begin(&mut self) -> Pace {
        let [high, middle, low, ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        (self.ahead, self.come) = (length, 0);
        match belongs_to_a_request(self.head[KIND], self.head[FLAGS], length) {
            true => Pace::Fair,
            false => self.count(),
        }
    }

    fn count(&mut self) -> Pace {
        self.beside += 1;
        if self.beside < MOST {
            return Pace::Fair;
        }
        let now = now();
        if now.saturating_duration_since(self.since) < TIME {
            return Pace::Flood;
        }
        (self.beside, self.since) = (0, now);
        Pace::Fair
    }
}

/// Whether a frame is a part of a request or lets one go on. h2 bounds how many of them do harm.
fn belongs_to_a_request(kind: u8, flags: u8, length: usize) -> bool {
    match kind {
        DATA => length > 0 || flags & END_STREAM != 0,
        HEADERS | CONTINUATION | RST_STREAM | WINDOW_UPDATE | GOAWAY => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    fn begun(since: Instant) -> Frames {
        let mut frames = Frames::new(since);
        assert_eq!(frames.take_in(PREFACE), Pace::Fair);
        frames
    }

    /// Which frame of these is the one too many.
    fn flood(frames: &mut Frames, frame: &[u8]) -> Option<u32> {
        (1..=3 * MOST).find(|_| frames.take_in(frame) == Pace::Flood)
    }

    #[test]
    fn frames_are_told_apart_however_their_bytes_come() {
        let bytes = [PREFACE, &PING.repeat(MOST as usize - 1)[..]].concat();
        for size in [1, 2, 8, 9, 10, 17, 1000, bytes.len()] {
            let mut frames = Frames::new(now());
            for piece in bytes.chunks(size) {
                assert_eq!(frames.take_in(piece), Pace::Fair, "in pieces of {size}");
            }
            assert_eq!(frames.take_in(&PING), Pace::Flood, "in pieces of {size}");
        }
    }

    #[test]
    fn what_belongs_to_no_request_is_counted() {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let priority = [0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9];
        let unknown = [0, 0, 0, 0x16, 0, 0, 0, 0, 0];
        let empty = [0, 0, 0, DATA, 0, 0, 0, 0, 1];
        for frame in [&PING[..], &settings, &priority, &unknown, &empty] {
            assert_eq!(flood(&mut begun(now()), frame), Some(MOST), "{frame:?}");
        }
    }

    #[test]
    fn requests_and_their_bodies_are_not_counted() {
        let data = [0, 0, 1, DATA, 0, 0, 0, 0, 1, 6];
        let end = [0, 0, 0, DATA, END_STREAM, 0, 0, 0, 1];
        let head = [0, 0, 1, HEADERS, 5, 0, 0, 0, 1, 0x82];
        for frame in [&data[..], &end, &head] {
            assert_eq!(flood(&mut begun(now()), frame), None, "{frame:?}");
        }
    }

    #[test]
    fn as_many_over_a_longer_time_are_none() {
        let mut frames = begun(now() - TIME);
        assert_eq!(flood(&mut frames, &PING), Some(2 * MOST));
    }
}
