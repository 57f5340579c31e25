//! The gate between a client and hyper in HTTP/1: it lets whole heads through that were judged,
//! and bodies.
//!
//! hyper reads a head as it comes, for as long as that takes. Behind the gate it gets each head at
//! once and the next one only when it asks for it, so the gate knows at any time whether the
//! client is within a head, within a body, or between two requests. It is a state machine without
//! input and output: `connection/socket.rs` moves the bytes.

use super::chunks::Chunks;
use super::head::{self, Framing, Judged};
use super::known::Known;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// Where in the stream of a client the gate stands.
#[derive(Debug)]
pub(crate) struct Gate {
    place: Place,
    known: Known,
}

#[derive(Debug)]
enum Place {
    /// Within a head, or before it. `searched` bytes are known not to hold its end.
    Head {
        searched: usize,
    },
    /// Within a body of which so much is left.
    Fixed(u64),
    Chunked(Chunks),
    Refused,
}

/// The gate's verdict on the bytes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This number of bytes may go through.
    Pass(usize),
    /// More have to come first.
    Wait,
    Refuse(Refusal),
    /// Nothing passes any more. The request that has begun learns that its body is malformed.
    BreakOff,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate {
            place: Place::Head { searched: 0 },
            known: Known::default(),
        }
    }

    /// Whether the next byte belongs to a head.
    pub(crate) fn is_at_head(&self) -> bool {
        matches!(self.place, Place::Head { .. })
    }

    /// Whether nothing will pass any more.
    pub(crate) fn has_refused(&self) -> bool {
        matches!(self.place, Place::Refused)
    }

    /// Judges the bytes that have not gone through yet. Of those that may pass, all will.
    pub(crate) fn judge(&mut self, bytes: &[u8], limits: &Limits) -> Verdict {
        match &mut self.place {
            _ if bytes.is_empty() => Verdict::Wait,
            Place::Head { searched } => {
                let searched = *searched;
                self.judge_head(bytes, searched, limits)
            }
            Place::Fixed(left) => {
                let passed = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= passed as u64;
                if *left == 0 {
                    self.place = Place::Head { searched: 0 };
                }
                Verdict::Pass(passed)
            }
            Place::Chunked(chunks) => {
                let passed = chunks.advance(bytes);
                if chunks.is_over() {
                    self.place = Place::Head { searched: 0 };
                } else if passed == 0 && chunks.is_malformed() {
                    self.place = Place::Refused;
                    return Verdict::BreakOff;
                }
                Verdict::Pass(passed)
            }
            Place::Refused => Verdict::Wait,
        }
    }

    fn judge_head(&mut self, bytes: &[u8], searched: usize, limits: &Limits) -> Verdict {
        // Empty lines before a request are not its end.
        let start = bytes.iter().position(|byte| !b"\r\n".contains(byte));
        let start = start.unwrap_or(bytes.len());
        if let Some(length) = self.known.recognize(&bytes[start..], limits) {
            self.place = Place::Head { searched: 0 };
            return Verdict::Pass(start + length);
        }
        // Of a head that comes in pieces, only what is new is searched for its end.
        let may_end = searched == 0 || has_end(bytes, start.max(searched.saturating_sub(3)));
        let judged = may_end.then(|| head::judge(&bytes[start..], limits));
        let verdict = match judged.flatten() {
            Some(Judged { length, outcome }) => match outcome {
                Ok(framing) => {
                    self.known.note(&bytes[start..][..length], framing);
                    self.place = Place::after_head(framing);
                    return Verdict::Pass(start + length);
                }
                Err(refusal) => Verdict::Refuse(refusal),
            },
            None if bytes.len() > limits.head_bytes => {
                Verdict::Refuse(head::too_large(&bytes[start..], limits))
            }
            None if head::is_hopeless(&bytes[start..]) => Verdict::Refuse(Refusal::Malformed),
            None => Verdict::Wait,
        };
        self.place = match verdict {
            Verdict::Refuse(_) => Place::Refused,
            _ => Place::Head {
                searched: bytes.len(),
            },
        };
        verdict
    }
}

impl Place {
    fn after_head(framing: Framing) -> Place {
        match framing {
            Framing::Fixed(0) => Place::Head { searched: 0 },
            Framing::Fixed(length) => Place::Fixed(length),
            Framing::Chunked => Place::Chunked(Chunks::new()),
        }
    }
}

/// Whether there is an empty line that does not begin before `from`.
fn has_end(bytes: &[u8], from: usize) -> bool {
    let mut place = from;
    while let Some(feed) = bytes[place..].iter().position(|&byte| byte == b'\n') {
        place += feed + 1;
        if matches!(&bytes[place..], [b'\n', ..] | [b'\r', b'\n', ..]) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// The verdicts on a stream that comes in pieces of this size, and the number of bytes passed.
    fn passed(stream: &[u8], piece: usize) -> (usize, Option<Refusal>) {
        let limits = Limits::public();
        let mut gate = Gate::new();
        let (mut start, mut end) = (0, 0);
        loop {
            match gate.judge(&stream[start..end], &limits) {
                Verdict::Pass(bytes) => start += bytes,
                Verdict::Refuse(refusal) => return (start, Some(refusal)),
                Verdict::BreakOff => return (start, None),
                Verdict::Wait if end == stream.len() => return (start, None),
                Verdict::Wait => end = stream.len().min(end + piece),
            }
        }
    }

    #[track_caller]
    fn assert_passed(stream: &[u8], bytes: usize, refusal: Option<Refusal>) {
        for piece in 1..=stream.len() {
            assert_eq!(passed(stream, piece), (bytes, refusal), "pieces of {piece}");
        }
    }

    #[test]
    fn a_stream_passes_however_it_is_cut() {
        let fixed = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
        let chunked = b"POST / HTTP/1.1\nHOST: a\nTransfer-Encoding: chunked\n\n\
            4;x=y\r\n\n\n\n\n\r\n0\r\nTrailer: t\r\n\r\n";
        let stream = [GET, fixed, b"\r\n", chunked, GET, GET].concat();
        assert_passed(&stream, stream.len(), None);
    }

    #[test]
    fn a_head_with_known_fields_is_judged_as_any_other() {
        let bare = b"GET / HTTP/1.0\r\n\r\n";
        let needs_host = b"GET / HTTP/1.1\r\n\r\n";
        let stream = [&bare[..], bare, bare].concat();
        let passes = stream.len();
        let stream = [&stream[..], needs_host].concat();
        assert_passed(&stream, passes, Some(Refusal::Malformed));
        let body = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nG";
        let two_hosts = b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n";
        let stream = [GET, GET, GET, body, body, body, GET, GET, GET].concat();
        let passes = stream.len();
        assert_passed(&stream, passes, None);
        let stream = [&stream[..], two_hosts].concat();
        assert_passed(&stream, passes, Some(Refusal::Malformed));
    }

    #[test]
    fn a_line_feed_alone_among_trailers_does_not_pass() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for trailers in [&b""[..], b"A: b", b"A: b\r\n", b"A: b\r\nC: d"] {
            let good = [&head[..], b"1\r\na\r\n0\r\n", trailers].concat();
            let stream = [&good[..], b"\n\r\n", GET].concat();
            assert_passed(&stream, good.len(), None);
        }
    }

    #[test]
    fn a_refused_head_is_not_passed_and_what_stands_before_it_is() {
        for bad in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            let stream = [GET, bad, GET].concat();
            assert_passed(&stream, GET.len(), Some(Refusal::Malformed));
        }
    }
}
