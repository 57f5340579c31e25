//! The frames of a connection in HTTP/2, counted as far as they belong to no request.
//!
//! h2 has a bound for streams that are reset before they are accepted, for blocks of fields that do
//! not end, and for small pieces of a body. Of all other frames a client may send as many as it
//! likes: a PING or SETTINGS is answered, and a PRIORITY, a WINDOW_UPDATE of one byte or an
//! RST_STREAM of a stream that is over costs no more than its reading. So these are counted here,
//! before hyper gets them.
//!
//! A client that is served sends some of them as well: it opens the windows that an answer has
//! filled, and may reset or reprioritise any of its streams. So each of its requests and each DATA
//! that it was sent earns it a few such frames, which are not counted.

use std::time::{Duration, Instant};

use laneway::time::now;

use super::preface::PREFACE;

/// How many frames that belong to no request a client may send beyond those that it has earned,
/// within what time. A client that measures its line by a PING for each round trip stays below it.
const MOST: u32 = 10_000;
const TIME: Duration = Duration::from_secs(10);

/// The frames that a request earns: WINDOW_UPDATEs for the stream and for the connection,
/// RST_STREAM, and two that say its priority.
const BY_REQUEST: u64 = 5;
/// The frames that a DATA earns whatever its size: WINDOW_UPDATEs for the stream and for the
/// connection, and a PING.
const BY_DATA: u64 = 3;
/// The bytes of a DATA that earn one frame more: a client may open its windows in small steps.
const EARNING: usize = 1024;

/// The head of a frame: its length in three bytes, its kind, its flags and its stream.
pub(crate) const HEAD: usize = 9;

pub(crate) const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// The frames of a connection so far.
#[derive(Debug)]
pub(crate) struct Frames {
    received: Heads,
    sent: Heads,
    /// The frames that the client has earned and not sent yet.
    earned: u64,
    /// The frames beyond those, counted from the moment `since`. Both begin anew when [`MOST`] have
    /// come and took longer than [`TIME`].
    beside: u32,
    since: Instant,
}

/// The heads of the frames in one direction.
#[derive(Clone, Copy, Debug)]
struct Heads {
    /// How much of the preface or of a payload is to come before the next head.
    ahead: usize,
    head: [u8; HEAD],
    /// How much of the head has come.
    come: usize,
}

/// The fields of a frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    kind: u8,
    flags: u8,
    length: usize,
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
            received: Heads::after(PREFACE.len()),
            sent: Heads::after(0),
            earned: 0,
            beside: 0,
            since,
        }
    }

    /// Where the next frame begins within these bytes, which come next.
    pub(crate) fn next_begins(&self, bytes: &[u8]) -> usize {
        self.received.next_begins(bytes).min(bytes.len())
    }

    /// Looks at the next bytes of the client.
    pub(crate) fn take_in(&mut self, mut bytes: &[u8]) -> Pace {
        while let Some(head) = self.received.next(&mut bytes) {
            if self.came(head) == Pace::Flood {
                return Pace::Flood;
            }
        }
        Pace::Fair
    }

    /// Looks at the next bytes that the client was sent.
    pub(crate) fn let_out(&mut self, mut bytes: &[u8]) {
        while let Some(head) = self.sent.next(&mut bytes) {
            if head.kind == DATA {
                self.earn(BY_DATA + (head.length / EARNING) as u64);
            }
        }
    }

    fn came(&mut self, head: Head) -> Pace {
        match head.kind {
            DATA if head.length > 0 || head.flags & END_STREAM != 0 => Pace::Fair,
            CONTINUATION => Pace::Fair,
            HEADERS => {
                self.earn(BY_REQUEST);
                Pace::Fair
            }
            _ => self.count(),
        }
    }

    fn earn(&mut self, frames: u64) {
        self.earned = self.earned.saturating_add(frames);
    }

    fn count(&mut self) -> Pace {
        if self.earned > 0 {
            self.earned -= 1;
            return Pace::Fair;
        }
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

impl Heads {
    /// After this number of bytes that are of no frame.
    fn after(ahead: usize) -> Heads {
        Heads {
            ahead,
            head: [0; HEAD],
            come: 0,
        }
    }

    /// Where the next frame begins within these bytes or behind them.
    fn next_begins(&self, bytes: &[u8]) -> usize {
        let of_head = match self.come {
            0 => return self.ahead,
            come => HEAD - come,
        };
        let mut heads = *self;
        let head = heads.next(&mut &bytes[..of_head.min(bytes.len())]);
        of_head + head.map_or(0, |head| head.length)
    }

    /// The next head within these bytes, which are taken as far as that.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Head> {
        let skipped = self.ahead.min(bytes.len());
        self.ahead -= skipped;
        let rest = &bytes[skipped..];
        let of_head = rest.len().min(HEAD - self.come);
        self.head[self.come..self.come + of_head].copy_from_slice(&rest[..of_head]);
        self.come += of_head;
        *bytes = &rest[of_head..];
        if self.come < HEAD {
            return None;
        }
        let [high, middle, low, kind, flags, ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        (self.ahead, self.come) = (length, 0);
        Some(Head {
            kind,
            flags,
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const WINDOW_UPDATE: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const REQUEST: [u8; 10] = [0, 0, 1, HEADERS, 5, 0, 0, 0, 1, 0x82];

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
        let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let unknown = [0, 0, 0, 0x16, 0, 0, 0, 0, 0];
        let empty = [0, 0, 0, DATA, 0, 0, 0, 0, 1];
        for frame in [
            &PING[..],
            &WINDOW_UPDATE,
            &settings,
            &priority,
            &reset,
            &goaway,
            &unknown,
            &empty,
        ] {
            assert_eq!(flood(&mut begun(now()), frame), Some(MOST), "{frame:?}");
        }
    }

    #[test]
    fn requests_and_their_bodies_are_not_counted() {
        let data = [0, 0, 1, DATA, 0, 0, 0, 0, 1, 6];
        let end = [0, 0, 0, DATA, END_STREAM, 0, 0, 0, 1];
        for frame in [&data[..], &end, &REQUEST] {
            assert_eq!(flood(&mut begun(now()), frame), None, "{frame:?}");
        }
    }

    #[test]
    fn a_request_earns_some_frames_and_no_more() {
        let mut frames = begun(now());
        for _ in 0..2 * MOST {
            assert_eq!(frames.take_in(&REQUEST), Pace::Fair);
            for _ in 0..BY_REQUEST {
                assert_eq!(frames.take_in(&WINDOW_UPDATE), Pace::Fair);
            }
        }
        assert_eq!(flood(&mut frames, &WINDOW_UPDATE), Some(MOST));
    }

    #[test]
    fn an_answer_earns_frames_by_its_size_however_its_bytes_go() {
        const LENGTH: usize = 16 * EARNING;
        let data = [&[0, 0x40, 0, DATA, 0, 0, 0, 0, 1][..], &[0; LENGTH]].concat();
        let sent = data.repeat(20);
        for size in [1, 8, 9, 1000, sent.len()] {
            let mut frames = begun(now());
            sent.chunks(size).for_each(|piece| frames.let_out(piece));
            let earned = u32::try_from(20 * (BY_DATA + 16)).unwrap();
            let first = flood(&mut frames, &WINDOW_UPDATE);
            assert_eq!(first, Some(earned + MOST), "in pieces of {size}");
        }
    }

    #[test]
    fn the_same_frames_over_a_longer_time_are_no_flood() {
        let mut frames = begun(now() - TIME);
        assert_eq!(flood(&mut frames, &PING), Some(2 * MOST));
    }
}
