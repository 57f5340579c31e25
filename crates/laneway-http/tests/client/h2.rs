//! A client that sends frames of HTTP/2, made by hand.

use std::io::{ErrorKind, Read};

use super::Client;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a request, by the static table and literals that are not indexed.
pub(crate) fn fields(method: u8, path: &str) -> Vec<u8> {
    let literal = |index: u8, text: &str| {
        let length = u8::try_from(text.len()).expect("a short text");
        [&[index, length], text.as_bytes()].concat()
    };
    // The method, the scheme http, the path and the authority.
    [
        &[method, 0x86][..],
        &literal(0x04, path),
        &literal(0x01, "test"),
    ]
    .concat()
}

pub(crate) const METHOD_GET: u8 = 0x82;
pub(crate) const METHOD_POST: u8 = 0x83;

pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    let fields = fields(METHOD_GET, path);
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields)
}

/// The fields of a `CONNECT`: these pseudo fields, and those of any other name.
pub(crate) fn connect_fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let field = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    let fields = fields.iter().flat_map(field);
    field(&(":method", "CONNECT"))
        .into_iter()
        .chain(fields)
        .collect()
}

/// A request for a stream that speaks this protocol (RFC 8441).
pub(crate) fn connect(stream: u32, protocol: &str, path: &str) -> Vec<u8> {
    let fields = connect_fields(&[
        (":protocol", protocol),
        (":scheme", "http"),
        (":path", path),
        (":authority", "test"),
    ]);
    frame(HEADERS, END_HEADERS, stream, &fields)
}

impl Frame {
    /// The status of an answer's head: one of the static table, or a literal of three digits.
    /// Sizes of the table may stand before it.
    pub(crate) fn status(&self) -> u16 {
        assert_eq!(self.kind, HEADERS);
        let is_size = |byte: &u8| byte & 0xe0 == 0x20;
        let fields = self.payload.iter().position(|byte| !is_size(byte));
        let fields = &self.payload[fields.expect("a status")..];
        match fields[0] {
            0x88 => 200,
            0x89 => 204,
            0x8b => 304,
            0x8c => 400,
            0x8d => 404,
            0x8e => 500,
            _ => std::str::from_utf8(&huffman_or_text(fields))
                .unwrap()
                .parse()
                .unwrap(),
        }
    }

    pub(crate) fn error_code(&self) -> u32 {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            kind => panic!("a frame of kind {kind} has no error"),
        };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// The first literal's value. In Huffman's code, the digits 0 to 2 have 5 bits, the others 6.
fn huffman_or_text(fields: &[u8]) -> Vec<u8> {
    let (first, value) = (fields[1], &fields[2..]);
    let length = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return value[..length].to_vec();
    }
    let bits: Vec<u8> = value[..length]
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let number = |bits: &[u8]| bits.iter().fold(0, |number, bit| number << 1 | bit);
    let (mut digits, mut place) = (Vec::new(), 0);
    while digits.len() < 3 {
        let short = number(&bits[place..place + 5]);
        if short < 3 {
            digits.push(b'0' + short);
            place += 5;
        } else {
            digits.push(b'0' + number(&bits[place..place + 6]) - 0x19 + 3);
            place += 6;
        }
    }
    digits
}

impl Client {
    /// Sends the preface and these settings.
    pub(crate) fn begin_h2(&mut self, settings: &[u8]) {
        self.send([PREFACE, &frame(SETTINGS, 0, 0, settings)].concat());
    }

    /// Reads a frame. None: the connection is closed.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no frame: {error}"),
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).expect("a whole frame");
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes(head[5..].try_into().unwrap()),
            payload,
        })
    }

    /// Reads until such a frame comes.
    #[track_caller]
    pub(crate) fn frame_of(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self
                .frame()
                .unwrap_or_else(|| panic!("no frame of kind {kind} came"));
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// The status and body of the answer to a request.
    #[track_caller]
    pub(crate) fn h2_answer(&mut self, stream: u32) -> (u16, String) {
        let head = self.frame_of(HEADERS, stream);
        let mut body = Vec::new();
        let mut flags = head.flags;
        while flags & END_STREAM == 0 {
            let data = self.frame_of(DATA, stream);
            body.extend_from_slice(&data.payload);
            flags = data.flags;
        }
        (head.status(), String::from_utf8(body).unwrap())
    }

    /// The last GOAWAY before the end of the connection.
    #[track_caller]
    pub(crate) fn goaway(&mut self) -> Frame {
        let mut goaway = None;
        while let Some(frame) = self.frame() {
            if frame.kind == GOAWAY {
                goaway = Some(frame);
            }
        }
        goaway.expect("the server says that it closes")
    }
}
