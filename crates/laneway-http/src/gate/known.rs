//! The fields of a client's last head, which most often are those of its next one as well.
//!
//! A head whose fields are byte for byte those of a head that was let through is let through
//! without a look at each of them (T34). The request line alone may be another one, and the gate
//! judges nothing of it but its length: the rest of it is for hyper to judge, in every head.

use super::head::{self, Framing};
use crate::limits::Limits;

/// How long the fields may be that are kept.
const KEPT: usize = 1024;

/// The fields that are known of a connection.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// With the empty line after them; none if there are no bytes. None before the first head: a
    /// client that sends one alone costs no copy.
    fields: Option<Vec<u8>>,
}

impl Known {
    /// The length of the head that these bytes begin with, if its fields are known.
    pub(crate) fn recognize(&self, bytes: &[u8], limits: &Limits) -> Option<usize> {
        let known = self.fields.as_deref().filter(|known| !known.is_empty())?;
        let line = head::line(bytes)?.len();
        let length = line + known.len();
        let is_short = line <= limits.target_bytes && length <= limits.head_bytes;
        (is_short && bytes[line..].starts_with(known)).then_some(length)
    }

    /// Notes a head that was let through. Its fields are kept if they allow every request line, and
    /// announce no body.
    pub(crate) fn note(&mut self, head: &[u8], framing: Framing) {
        let Some(known) = &mut self.fields else {
            self.fields = Some(Vec::new());
            return;
        };
        known.clear();
        let line = head::line(head).unwrap_or(head);
        let fields = &head[line.len()..];
        // In HTTP/1.0 a host need not be among them.
        if framing == Framing::Fixed(0) && head::needs_host(line) && fields.len() <= KEPT {
            known.extend_from_slice(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The knowledge after two of these heads.
    fn after(head: &[u8]) -> Known {
        let limits = Limits::public();
        let mut known = Known::default();
        for _ in 0..2 {
            assert_eq!(known.recognize(head, &limits), None);
            let judged = head::judge(head, &limits).expect("it is whole");
            known.note(head, judged.outcome.expect("it is let through"));
        }
        known
    }

    #[test]
    fn the_fields_of_the_second_head_are_known_with_any_request_line() {
        let known = after(b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
        let limits = Limits::public();
        for line in ["GET / HTTP/1.1\r\n", "DELETE /a?b HTTP/1.1\n", "HEAD /\r\n"] {
            let head = format!("{line}Host: a\r\nA: b\r\n\r\n");
            let more = format!("{head}GET");
            assert_eq!(known.recognize(more.as_bytes(), &limits), Some(head.len()));
        }
    }

    #[test]
    fn other_fields_and_parts_of_a_head_are_not_known() {
        let known = after(b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
        for other in [
            "",
            "GET / HTTP/1.1",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nB: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\r\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\nHost: a\r\nA: b\r\n\r\n",
        ] {
            assert_eq!(known.recognize(other.as_bytes(), &Limits::public()), None);
        }
    }

    #[test]
    fn heads_that_allow_too_little_too_much_or_too_long_are_not_kept() {
        let long = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n",
            "b".repeat(KEPT)
        );
        for head in [
            "GET / HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            &long,
        ] {
            let known = after(head.as_bytes());
            assert_eq!(known.recognize(head.as_bytes(), &Limits::public()), None);
        }
    }

    #[test]
    fn a_request_line_or_a_head_beyond_the_limits_is_not_known() {
        let head = format!(
            "GET /of-some-bytes HTTP/1.1\r\nHost: {}\r\n\r\n",
            "a".repeat(300)
        );
        let known = after(head.as_bytes());
        let limits = Limits::public();
        assert_eq!(known.recognize(head.as_bytes(), &limits), Some(head.len()));
        let short = head.len() - 1;
        for limits in [limits.clone().target_bytes(15), limits.head_bytes(short)] {
            assert_eq!(known.recognize(head.as_bytes(), &limits), None);
        }
    }
}
