//! The head of a request in HTTP/1, as far as the gate has to understand it.
//!
//! hyper parses the head again and refuses what is malformed otherwise. But of a head with both
//! `Transfer-Encoding` and `Content-Length` it drops the latter without a word, and of two equal
//! `Content-Length`s one; so these are judged here, on the bytes themselves.

use super::limits::Limits;
use super::refusal::Refusal;

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Fixed(u64),
    Chunked,
}

/// What the fields say so far.
#[derive(Default)]
struct Fields {
    count: usize,
    hosts: usize,
    length: Option<u64>,
    encoding: Option<Encoding>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Chunked,
    Other,
}

/// Judges a whole head, from the request line to the empty line.
pub(crate) fn judge(head: &[u8], limits: &Limits) -> Result<Framing, Refusal> {
    let mut lines = head.split(|&byte| byte == b'\n');
    let request_line = lines.next().unwrap_or_default();
    if target(request_line).len() > limits.target_bytes {
        return Err(Refusal::TargetTooLong);
    }
    if head.len() > limits.head_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    let mut fields = Fields::default();
    for line in lines {
        fields.add(line)?;
    }
    fields.judge(request_line, limits)
}

/// Why a head that has grown too large is refused.
pub(crate) fn too_large(head: &[u8], limits: &Limits) -> Refusal {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match target(line).len() > limits.target_bytes {
        true => Refusal::TargetTooLong,
        false => Refusal::HeadTooLarge,
    }
}

/// What stands between the first space and the next, or all the rest.
fn target(request_line: &[u8]) -> &[u8] {
    let mut words = request_line.split(|&byte| byte == b' ');
    words.nth(1).unwrap_or_default()
}

impl Fields {
    fn add(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            // The empty line, or one that hyper refuses.
            return Ok(());
        };
        self.count += 1;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value).ok_or(Refusal::Malformed)?;
            if self.length.replace(length).is_some() {
                return Err(Refusal::Malformed);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.encoding = Some(Encoding::of(value));
        }
        Ok(())
    }

    fn judge(&self, request_line: &[u8], limits: &Limits) -> Result<Framing, Refusal> {
        if self.count > limits.head_fields {
            return Err(Refusal::HeadTooLarge);
        }
        let needs_host = request_line.trim_ascii_end().ends_with(b"HTTP/1.1");
        if self.hosts > 1 || (needs_host && self.hosts == 0) {
            return Err(Refusal::Malformed);
        }
        match (self.encoding, self.length) {
            (None, length) => Ok(Framing::Fixed(length.unwrap_or(0))),
            (Some(Encoding::Chunked), None) => Ok(Framing::Chunked),
            (Some(_), _) => Err(Refusal::Malformed),
        }
    }
}

impl Encoding {
    fn of(value: &[u8]) -> Encoding {
        let last = value.rsplit(|&byte| byte == b',').next();
        match last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked")) {
            true => Encoding::Chunked,
            false => Encoding::Other,
        }
    }
}

/// Digits alone: no sign, no list.
fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok())?
}
