//! The head of a request in HTTP/1, as far as the gate has to understand it.
//!
//! hyper parses the head again and refuses what is malformed otherwise. But of a head with both
//! `Transfer-Encoding` and `Content-Length` it drops the latter without a word, and of two equal
//! `Content-Length`s one; so these are judged here, on the bytes themselves.

use std::net::Ipv6Addr;

use crate::limits::Limits;
use crate::refusal::Refusal;

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Fixed(u64),
    Chunked,
}

/// The contents of the fields so far.
#[derive(Default)]
struct Fields {
    count: usize,
    host: Host,
    length: Announced,
    encoding: Option<Encoding>,
}

/// The content of `Host`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Host {
    #[default]
    Absent,
    Given,
    /// It is no host, or stands there twice.
    Malformed,
}

/// The content of `Content-Length`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Announced {
    #[default]
    Absent,
    Bytes(u64),
    /// It is no number, or stands there twice.
    Malformed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Chunked,
    Other,
}

/// A head that is there as a whole, from the request line to the empty line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// How many bytes it has.
    pub(crate) length: usize,
    pub(crate) outcome: Result<Framing, Refusal>,
}

/// Judges the head that these bytes begin with, in one pass. `None`: its end has not come.
pub(crate) fn judge(bytes: &[u8], limits: &Limits) -> Option<Judged> {
    let request_line = line(bytes)?;
    let mut fields = Fields::default();
    let mut length = request_line.len();
    loop {
        let rest = &bytes[length..];
        if let Some(end) = empty_line(rest) {
            length += end;
            break;
        }
        let line = line(rest)?;
        length += line.len();
        fields.add(line);
    }
    let outcome = match length > limits.head_bytes {
        _ if target_is_too_long(request_line, limits) => Err(Refusal::TargetTooLong),
        true => Err(Refusal::HeadTooLarge),
        false => fields.judge(request_line, limits),
    };
    Some(Judged { length, outcome })
}

/// The line that these bytes begin with, with its end, if that has come.
pub(crate) fn line(bytes: &[u8]) -> Option<&[u8]> {
    Some(&bytes[..=line_feed(bytes)?])
}

/// The length of the empty line that these bytes begin with, if they do.
fn empty_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}

/// Where the first line feed is. Eight bytes at a time: most lines are too short for more.
fn line_feed(bytes: &[u8]) -> Option<usize> {
    const FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (words, rest) = bytes.as_chunks();
    for (place, word) in words.iter().enumerate() {
        if let Some(feed) = first_zero(u64::from_le_bytes(*word) ^ FEEDS) {
            return Some(8 * place + feed);
        }
    }
    let feed = rest.iter().position(|&byte| byte == b'\n')?;
    Some(8 * words.len() + feed)
}

/// Which byte of a word is the first that is zero, the lowest being the first.
fn first_zero(word: u64) -> Option<usize> {
    const LOWEST: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    // A byte's highest bit is set where it is zero. Those above it may be wrong by the borrow.
    let zeros = word.wrapping_sub(LOWEST) & !word & HIGHEST;
    (zeros != 0).then(|| zeros.trailing_zeros() as usize / 8)
}

/// Why a head that has grown too large is refused.
pub(crate) fn too_large(head: &[u8], limits: &Limits) -> Refusal {
    let first = line(head).unwrap_or(head);
    match target_is_too_long(first, limits) {
        true => Refusal::TargetTooLong,
        false => Refusal::HeadTooLarge,
    }
}

/// Whether there are too many bytes between the first space and the next, or to the end.
fn target_is_too_long(request_line: &[u8], limits: &Limits) -> bool {
    let target = || {
        let mut words = request_line.trim_ascii_end().split(|&byte| byte == b' ');
        words.nth(1).unwrap_or_default().len()
    };
    request_line.len() > limits.target_bytes && target() > limits.target_bytes
}

/// Whether there has to be a host among the fields after this line.
pub(crate) fn needs_host(request_line: &[u8]) -> bool {
    request_line.trim_ascii_end().ends_with(b"HTTP/1.1")
}

impl Fields {
    /// Notes what the line of a field says. One that is none is refused by hyper.
    fn add(&mut self, line: &[u8]) {
        self.count += 1;
        // Most fields are none of the three.
        if !matches!(line[0], b'H' | b'h' | b'C' | b'c' | b'T' | b't') {
            return;
        }
        if let Some(value) = value(line, b"host") {
            self.host = self.host.and(value.trim_ascii());
        } else if let Some(value) = value(line, b"content-length") {
            self.length = self.length.and(number(value.trim_ascii()));
        } else if let Some(value) = value(line, b"transfer-encoding") {
            self.encoding = Some(match self.encoding {
                None => Encoding::of(value.trim_ascii()),
                Some(_) => Encoding::Other,
            });
        }
    }

    fn judge(&self, request_line: &[u8], limits: &Limits) -> Result<Framing, Refusal> {
        if self.length == Announced::Malformed {
            return Err(Refusal::Malformed);
        }
        if self.count > limits.head_fields {
            return Err(Refusal::HeadTooLarge);
        }
        let is_absent = self.host == Host::Absent && needs_host(request_line);
        if self.host == Host::Malformed || is_absent {
            return Err(Refusal::Malformed);
        }
        match (self.encoding, self.length) {
            (None, Announced::Absent) => Ok(Framing::Fixed(0)),
            (None, Announced::Bytes(length)) => Ok(Framing::Fixed(length)),
            (Some(Encoding::Chunked), Announced::Absent) => Ok(Framing::Chunked),
            _ => Err(Refusal::Malformed),
        }
    }
}

/// The value in a field's line, if the field has this name.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    begin.eq_ignore_ascii_case(name).then_some(value)
}

impl Announced {
    /// With one more field of that name.
    fn and(self, number: Option<u64>) -> Announced {
        match (self, number) {
            (Announced::Absent, Some(bytes)) => Announced::Bytes(bytes),
            _ => Announced::Malformed,
        }
    }
}

impl Host {
    /// With one more field of that name.
    fn and(self, value: &[u8]) -> Host {
        match self == Host::Absent && is_host(value) {
            true => Host::Given,
            false => Host::Malformed,
        }
    }
}

/// Whether this can be a host with its port. Both may be empty.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let rest = match value {
        [b'[', address @ ..] => after_address(address),
        name => Some(after_name(name)),
    };
    match rest {
        Some([]) => true,
        Some([b':', port @ ..]) => port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The bytes after a name, which may have none.
fn after_name(bytes: &[u8]) -> &[u8] {
    let name = bytes.iter().take_while(|&&byte| in_names(byte)).count();
    match &bytes[name..] {
        [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            after_name(rest)
        }
        rest => rest,
    }
}

/// The bytes after an address of IP version 6 and its bracket.
fn after_address(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&byte| byte == b']')?;
    let (address, rest) = (&bytes[..end], &bytes[end + 1..]);
    let text = std::str::from_utf8(address).ok()?;
    let (ip, zone) = text.split_once('%').unwrap_or((text, "none"));
    let is_zone = !zone.is_empty() && after_name(zone.as_bytes()).is_empty();
    (is_zone && ip.parse::<Ipv6Addr>().is_ok()).then_some(rest)
}

fn in_names(byte: u8) -> bool {
    IN_NAMES[usize::from(byte)]
}

/// The characters that the name of a host may have beside letters and digits, and those that are
/// written as `%` with two digits.
const NAME: &[u8] = b"-._~!$&'()*+,;=";

/// For each byte, whether the name of a host may have it.
const IN_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut place = 0;
    while place < NAME.len() {
        table[NAME[place] as usize] = true;
        place += 1;
    }
    table
};

impl Encoding {
    /// Of a list, hyper looks at the end alone: another server could read the rest as well, and
    /// find the end of the body elsewhere.
    fn of(value: &[u8]) -> Encoding {
        match value.eq_ignore_ascii_case(b"chunked") {
            true => Encoding::Chunked,
            false => Encoding::Other,
        }
    }
}

/// Digits alone: no sign, no list.
fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = digits.then(|| std::str::from_utf8(value).ok()?.parse().ok())?;
    number.filter(|&number| number <= LONGEST)
}

/// hyper has a meaning of its own for numbers beyond.
const LONGEST: u64 = u64::MAX - 2;

/// Whether bytes that have no end yet are no request, whatever follows: they have no method.
pub(crate) fn is_hopeless(bytes: &[u8]) -> bool {
    let is_method = |byte: &u8| byte.is_ascii_alphanumeric() || METHOD.contains(byte);
    let mut method = bytes.iter().take_while(|&&byte| byte != b' ');
    !method.all(is_method)
}

/// The characters that a method may have beside letters and digits.
const METHOD: &[u8] = b"!#$%&'*+-.^_`|~";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_the_first_feed_wherever_it_stands() {
        for length in 0..40 {
            for feed in 0..length {
                let mut bytes = vec![0xff; length];
                // A byte that differs from a feed by one bit does not count.
                bytes[..feed].fill(b'\n' + 1);
                bytes[feed] = b'\n';
                bytes[length - 1] = b'\n';
                assert_eq!(line(&bytes).map(<[u8]>::len), Some(feed + 1));
            }
            assert_eq!(line(&vec![b'\n' + 1; length]), None);
        }
    }

    #[test]
    fn the_name_of_a_host_has_letters_digits_and_some_marks() {
        for byte in 0..=u8::MAX {
            let in_names = byte.is_ascii_alphanumeric() || NAME.contains(&byte);
            let given = Host::default().and(&[b'a', byte, b'b']) == Host::Given;
            assert_eq!(given, in_names, "{byte}");
        }
    }

    #[test]
    fn a_host_has_one_port_of_digits_and_brackets_around_colons() {
        for host in [
            "",
            "a",
            "a:",
            "a:80",
            ":80",
            "1.2.3.4:5",
            "[::1]",
            "[::1]:80",
            "[fe80::1%25e]",
            "[fe80::1%eth0]",
            "[::ffff:1.2.3.4]:5",
            "%c3%A9.example:1",
            "a%20",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for none in [
            "a:b",
            "a:1:2",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[::1]a",
            "[::1]:b",
            "[[::1]]",
            "a[::1]",
            "u@a",
            "%",
            "a%",
            "a%2",
            "%zz",
            "a%2g:80",
            "[z]",
            "[1.2.3.4]",
            "[::1%]",
            "[::1%%zz]",
            "[::1%a%b]",
            "[:::1]",
        ] {
            assert!(!is_host(none.as_bytes()), "{none}");
        }
    }
}
