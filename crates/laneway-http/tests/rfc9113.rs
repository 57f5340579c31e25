//! Does the server do as the sections of RFC 9113 say, frame by frame?
//!
//! Each case is what a client sends after the preface, and what becomes of it. The frames are the
//! matter of h2, the library below. In the following cases it is more lenient than the RFC, ends the
//! connection where a reset of the stream would do (as a server may: section 5.4.2), or gives
//! PROTOCOL_ERROR as the reason in place of the one that the RFC names:
//!
//! | section | case | the RFC asks for | h2 |
//! |---|---|---|---|
//! | 3.4 | SETTINGS are not the first frame | the end, PROTOCOL_ERROR | goes on |
//! | 4.3 | a block cannot be decoded | the end, COMPRESSION_ERROR | PROTOCOL_ERROR |
//! | 4.3 | an index that is not in the table | the end, COMPRESSION_ERROR | PROTOCOL_ERROR |
//! | 5.1 | DATA after the end of a request | a reset, STREAM_CLOSED | the end, PROTOCOL_ERROR |
//! | 5.1 | HEADERS after the end of a request | a reset, STREAM_CLOSED | the end, PROTOCOL_ERROR |
//! | 6.4 | RST_STREAM of three bytes | the end, FRAME_SIZE_ERROR | PROTOCOL_ERROR |
//! | 6.5 | an ACK with a payload | the end, FRAME_SIZE_ERROR | PROTOCOL_ERROR |
//! | 6.5 | SETTINGS of five bytes | the end, FRAME_SIZE_ERROR | PROTOCOL_ERROR |
//! | 6.5.2 | INITIAL_WINDOW_SIZE is 2^31 | the end, FLOW_CONTROL_ERROR | PROTOCOL_ERROR |
//! | 6.7 | PING of seven bytes | the end, FRAME_SIZE_ERROR | PROTOCOL_ERROR |
//! | 6.9 | WINDOW_UPDATE of three bytes | the end, FRAME_SIZE_ERROR | PROTOCOL_ERROR |
//! | 6.9 | no more of a stream's window | a reset, PROTOCOL_ERROR | the end |
//! | 8.1 | trailers with a pseudo field | a reset, PROTOCOL_ERROR | drops the field |
//! | 8.1.1 | a request that expects 100 (RFC 9110, 10.1.1) | 100, or the answer | the answer |
//! | 8.2.1 | a name in capitals | a reset, PROTOCOL_ERROR | the end |
//! | 8.3 | a pseudo field that is unknown | a reset, PROTOCOL_ERROR | the end |
//!
//! A request without a path passes h2 where it has no authority either; the server above answers it
//! with 400, as section 8.1.1 allows before the stream ends. So it answers a request with a host
//! that is not its authority, with two hosts, with neither, with a user or a malformed port in its
//! authority or no host in it, with an empty scheme, with the path `*` where it asks for no options,
//! without a port where it asks for a tunnel, with white space around a value, or with the same
//! length twice (RFC 9110, section 8.6, leaves that to the server), all of which h2 lets pass too. Of a `CONNECT` whose length is not zero, hyper makes the end of the connection.

mod client;

use client::h2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, METHOD_GET, METHOD_POST,
    PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, fields, frame, get,
};
use client::{Client, Served, served};
use laneway_http::Limits;

/// The path `/`, by the static table.
const ROOT: u8 = 0x84;

const PUSH_PROMISE: u8 = 5;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 0x20;
const END: u8 = END_HEADERS | END_STREAM;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;

/// Here the RFC names FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, COMPRESSION_ERROR or STREAM_CLOSED, and
/// lets a server reset the stream alone in the last case. h2 ends the connection, as a server may, for
/// a reason that says less.
const LESS_PRECISE: u32 = PROTOCOL_ERROR;

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It ends the connection for this reason.
    Ends(u32),
    /// It resets this stream for this reason, and goes on with others.
    Resets(u32, u32),
    /// It answers this stream with this status and body.
    Answers(u32, u16, &'static str),
}

use Outcome::{Answers, Ends, Resets};

struct Case {
    section: &'static str,
    what: &'static str,
    sent: Vec<u8>,
    outcome: Outcome,
}

/// A case that begins as every connection does.
fn case(section: &'static str, what: &'static str, frames: &[Vec<u8>], outcome: Outcome) -> Case {
    let settings = frame(SETTINGS, 0, 0, &[]);
    Case {
        section,
        what,
        sent: [settings, frames.concat()].concat(),
        outcome,
    }
}

fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &fields(METHOD_POST, "/echo"))
}

fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// A request on stream 1 with one more field.
fn with_field(name: &str, value: &str) -> Vec<u8> {
    let fields = [fields(METHOD_GET, "/"), field(name, value)].concat();
    frame(HEADERS, END, 1, &fields)
}

/// A request on stream 1 of these bytes alone.
fn of(fields: &[u8]) -> Vec<u8> {
    frame(HEADERS, END, 1, fields)
}

fn setting(number: u16, value: u32) -> Vec<u8> {
    let payload = [&number.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &payload)
}

fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

#[track_caller]
fn assert_cases(cases: Vec<Case>) {
    let server = served(Limits::public());
    let mut others = Vec::new();
    for case in cases {
        println!("section {}: {}", case.section, case.what);
        let mut client = server.connect();
        client.send([PREFACE, &case.sent].concat());
        let outcome = outcome(&mut client);
        if let Some(Resets(..)) = outcome {
            client.send(get(101, "/"));
            assert_eq!(client.h2_answer(101).0, 200, "after {}", case.what);
        }
        if outcome != Some(case.outcome) {
            let (section, what) = (case.section, case.what);
            others.push(format!("section {section}, {what}: {outcome:?}"));
        }
        drop(client);
        assert_others_unharmed(&server);
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
    server.wait_until("all are gone", |server| server.connections() == 0);
    client::wait_until("no task is left", || {
        server.live_tasks() == client::OWN_TASKS
    });
}

/// What the server does first, other than to agree on settings.
fn outcome(client: &mut Client) -> Option<Outcome> {
    let mut answer = None;
    loop {
        let frame = client.frame()?;
        match frame.kind {
            GOAWAY => return Some(Ends(frame.error_code())),
            RST_STREAM => return Some(Resets(frame.stream, frame.error_code())),
            HEADERS => answer = Some((frame.stream, frame.status())),
            DATA => {
                let (stream, status) = answer.expect("a head comes first");
                let body = String::from_utf8(frame.payload).expect("a text");
                return Some(Answers(stream, status, body.leak()));
            }
            _ => {}
        }
        if frame.kind == HEADERS && frame.flags & END_STREAM != 0 {
            let (stream, status) = answer.expect("it has come");
            return Some(Answers(stream, status, ""));
        }
    }
}

fn assert_others_unharmed(server: &Served) {
    let mut other = server.connect();
    other.begin_h2(&[]);
    other.send(get(1, "/"));
    assert_eq!(other.h2_answer(1), (200, "hello".to_owned()));
}

#[test]
fn frames_in_general_sections_3_and_4() {
    let unfinished = frame(HEADERS, END_STREAM, 1, &fields(METHOD_GET, "/"));
    let settings_late = Case {
        section: "3.4",
        what: "h2 does not insist on SETTINGS as the first frame",
        sent: [frame(PING, 0, 0, &[0; 8]), get(1, "/")].concat(),
        outcome: Answers(1, 200, "hello"),
    };
    let large = vec![0; 16_385];
    assert_cases(vec![
        settings_late,
        case(
            "4.1",
            "a kind that is unknown is ignored",
            &[frame(0x16, 0, 0, b"?"), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "4.1",
            "a flag that is unknown is ignored",
            &[frame(PING, 0x16, 0, &[0; 8]), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "4.1",
            "the reserved bit is ignored",
            &[get(0x8000_0001, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "4.2",
            "DATA is too large",
            &[post(1), frame(DATA, 0, 1, &large)],
            Ends(FRAME_SIZE_ERROR),
        ),
        case(
            "4.2",
            "HEADERS is too large",
            &[frame(HEADERS, END, 1, &large)],
            Ends(FRAME_SIZE_ERROR),
        ),
        case(
            "4.3",
            "a block cannot be decoded",
            &[of(&[0xff; 12])],
            Ends(LESS_PRECISE),
        ),
        case(
            "4.3",
            "an index that is not in the table",
            &[of(&[0xbe + 1])],
            Ends(LESS_PRECISE),
        ),
        case(
            "4.3",
            "another kind within a block",
            &[unfinished.clone(), frame(PING, 0, 0, &[0; 8])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "4.3",
            "HEADERS of another stream within a block",
            &[unfinished, get(3, "/")],
            Ends(PROTOCOL_ERROR),
        ),
    ]);
}

#[test]
fn the_states_of_a_stream_section_5() {
    let cancel = frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    assert_cases(vec![
        case(
            "5.1",
            "DATA on an idle stream",
            &[frame(DATA, 0, 1, b"a")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "5.1",
            "RST_STREAM on an idle stream",
            std::slice::from_ref(&cancel),
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "5.1",
            "WINDOW_UPDATE on an idle stream",
            &[window(1, 1)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "5.1",
            "CONTINUATION on an idle stream",
            &[frame(CONTINUATION, END_HEADERS, 1, b"")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "5.1",
            "DATA after the end of a request",
            &[get(1, "/never"), frame(DATA, 0, 1, b"a")],
            Ends(LESS_PRECISE),
        ),
        case(
            "5.1",
            "HEADERS after the end of a request",
            &[get(1, "/never"), get(1, "/")],
            Ends(LESS_PRECISE),
        ),
        case(
            "5.1",
            "WINDOW_UPDATE after the end of a request",
            &[get(1, "/"), window(1, 9)],
            Answers(1, 200, "hello"),
        ),
        case(
            "5.1",
            "a stream that was reset is forgotten",
            &[get(1, "/never"), cancel, get(3, "/")],
            Answers(3, 200, "hello"),
        ),
        case(
            "5.1.1",
            "an even number",
            &[get(2, "/")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "5.1.1",
            "numbers may be left out",
            &[get(7, "/")],
            Answers(7, 200, "hello"),
        ),
    ]);
}

#[test]
fn bodies_and_heads_sections_6_1_to_6_4() {
    let fields = fields(METHOD_GET, "/");
    let padded = [&[3][..], &fields, &[0; 3]].concat();
    let with_priority = [&[0, 0, 0, 0, 9][..], &fields].concat();
    let padding_alone = [&[255][..], &fields].concat();
    assert_cases(vec![
        case(
            "6.1",
            "DATA on stream 0",
            &[frame(DATA, 0, 0, b"a")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.1",
            "padding beyond the payload",
            &[post(1), frame(DATA, PADDED, 1, &[9, 1])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.1",
            "padding is taken off",
            &[post(1), frame(DATA, PADDED | END_STREAM, 1, b"\x02ab\0\0")],
            Answers(1, 200, "ab"),
        ),
        case(
            "6.1",
            "an empty DATA ends a body",
            &[
                post(1),
                frame(DATA, 0, 1, b"ab"),
                frame(DATA, END_STREAM, 1, b""),
            ],
            Answers(1, 200, "ab"),
        ),
        case(
            "6.2",
            "HEADERS on stream 0",
            &[frame(HEADERS, END, 0, &fields)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.2",
            "padding beyond the payload",
            &[frame(HEADERS, END | PADDED, 1, &padding_alone)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.2",
            "padding is taken off",
            &[frame(HEADERS, END | PADDED, 1, &padded)],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.2",
            "a priority is taken off",
            &[frame(HEADERS, END | WITH_PRIORITY, 1, &with_priority)],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.3",
            "PRIORITY is ignored",
            &[frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9]), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.3",
            "PRIORITY on stream 0",
            &[frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 9])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.4",
            "RST_STREAM on stream 0",
            &[frame(RST_STREAM, 0, 0, &[0; 4])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.4",
            "RST_STREAM of three bytes",
            &[get(1, "/never"), frame(RST_STREAM, 0, 1, &[0; 3])],
            Ends(LESS_PRECISE),
        ),
    ]);
}

#[test]
fn settings_section_6_5() {
    assert_cases(vec![
        case(
            "6.5",
            "an ACK with a payload",
            &[frame(SETTINGS, ACK, 0, &[0; 6])],
            Ends(LESS_PRECISE),
        ),
        case(
            "6.5",
            "SETTINGS on a stream",
            &[frame(SETTINGS, 0, 1, &[])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.5",
            "five bytes",
            &[frame(SETTINGS, 0, 0, &[0; 5])],
            Ends(LESS_PRECISE),
        ),
        case(
            "6.5.2",
            "ENABLE_PUSH is 2",
            &[setting(2, 2)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.5.2",
            "INITIAL_WINDOW_SIZE is 2^31",
            &[setting(4, 1 << 31)],
            Ends(LESS_PRECISE),
        ),
        case(
            "6.5.2",
            "MAX_FRAME_SIZE is too small",
            &[setting(5, 16_383)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.5.2",
            "MAX_FRAME_SIZE is too large",
            &[setting(5, 1 << 24)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.5.2",
            "a setting that is unknown is ignored",
            &[setting(0x7777, 1), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.5.2",
            "a table of no bytes",
            &[setting(1, 0), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
    ]);
}

#[test]
fn the_connection_sections_6_6_to_6_10() {
    let fields = fields(METHOD_GET, "/");
    let (first, rest) = fields.split_at(3);
    let unfinished = || frame(HEADERS, END_STREAM, 1, first);
    assert_cases(vec![
        case(
            "6.6",
            "PUSH_PROMISE of a client",
            &[
                get(1, "/never"),
                frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
            ],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.7",
            "PING of seven bytes",
            &[frame(PING, 0, 0, &[0; 7])],
            Ends(LESS_PRECISE),
        ),
        case(
            "6.7",
            "PING on a stream",
            &[frame(PING, 0, 1, &[0; 8])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.7",
            "an ACK of no PING is ignored",
            &[frame(PING, ACK, 0, &[0; 8]), get(1, "/")],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.8",
            "GOAWAY on a stream",
            &[frame(GOAWAY, 0, 1, &[0; 8])],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.8",
            "what was asked before a GOAWAY is answered",
            &[get(1, "/"), frame(GOAWAY, 0, 0, &[0; 8])],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.9",
            "no more of the connection's window",
            &[window(0, 0)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.9",
            "no more of a stream's window",
            &[get(1, "/never"), window(1, 0)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.9",
            "WINDOW_UPDATE of three bytes",
            &[frame(WINDOW_UPDATE, 0, 0, &[0; 3])],
            Ends(LESS_PRECISE),
        ),
        case(
            "6.9.1",
            "the connection's window is too large",
            &[window(0, 0x7fff_ffff)],
            Ends(FLOW_CONTROL_ERROR),
        ),
        case(
            "6.9.1",
            "a stream's window is too large",
            &[get(1, "/never"), window(1, 0x7fff_ffff)],
            Resets(1, FLOW_CONTROL_ERROR),
        ),
        case(
            "6.10",
            "a block in two parts",
            &[unfinished(), frame(CONTINUATION, END_HEADERS, 1, rest)],
            Answers(1, 200, "hello"),
        ),
        case(
            "6.10",
            "CONTINUATION of another stream",
            &[unfinished(), frame(CONTINUATION, END_HEADERS, 3, rest)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.10",
            "CONTINUATION on stream 0",
            &[unfinished(), frame(CONTINUATION, END_HEADERS, 0, rest)],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "6.10",
            "CONTINUATION after the end of a block",
            &[get(1, "/never"), frame(CONTINUATION, END_HEADERS, 1, b"")],
            Ends(PROTOCOL_ERROR),
        ),
    ]);
}

#[test]
fn requests_section_8() {
    let malformed = Resets(1, PROTOCOL_ERROR);
    let complete = fields(METHOD_GET, "/");
    let trailers = |flags, name| frame(HEADERS, flags, 1, &field(name, "x"));
    let of_length = |length| {
        let head = [
            fields(METHOD_POST, "/echo"),
            field("content-length", length),
        ]
        .concat();
        frame(HEADERS, END_HEADERS, 1, &head)
    };
    let of_lengths = |lengths: [&str; 2]| {
        let lengths = lengths.map(|length| field("content-length", length));
        let head = [fields(METHOD_POST, "/echo"), lengths.concat()].concat();
        frame(HEADERS, END_HEADERS, 1, &head)
    };
    let body = || frame(DATA, END_STREAM, 1, b"four");
    let waiting = || {
        let head = [
            fields(METHOD_POST, "/echo"),
            field("expect", "100-continue"),
        ];
        frame(HEADERS, END_HEADERS, 1, &head.concat())
    };
    let with_method = |method: &[u8], rest: &[u8]| {
        let length = u8::try_from(method.len()).expect("a short method");
        [&[0x02, length], method, rest].concat()
    };
    let after_a_field = [field("a", "b"), complete.clone()].concat();
    let with_status = [&[0x88][..], &complete].concat();
    let twice = [&[METHOD_GET][..], &complete].concat();
    let authority = [&[0x01, 0x04][..], b"test"].concat();
    let by_host = |host| of(&[vec![METHOD_GET, 0x86, ROOT], field("host", host)].concat());
    let with_host = |host: &[u8; 4]| [&complete[..], &[0x0f, 0x17, 0x04], &host[..]].concat();
    assert_cases(vec![
        case(
            "8.1",
            "trailers end a body",
            &[post(1), frame(DATA, 0, 1, b"ab"), trailers(END, "t")],
            Answers(1, 200, "ab"),
        ),
        case(
            "8.1",
            "trailers with a pseudo field, which h2 drops",
            &[post(1), trailers(END, ":path")],
            Answers(1, 200, ""),
        ),
        case(
            "8.1",
            "trailers without an end",
            &[post(1), trailers(END_HEADERS, "t")],
            malformed,
        ),
        case(
            "8.1.1",
            "a body shorter than its length",
            &[of_length("5"), body()],
            malformed,
        ),
        case(
            "8.1.1",
            "a body longer than its length",
            &[of_length("3"), body()],
            malformed,
        ),
        case(
            "8.1.1",
            "a body of its length",
            &[of_length("4"), body()],
            Answers(1, 200, "four"),
        ),
        case(
            "8.1.1",
            "two lengths that differ, which a server must not accept",
            &[of_lengths(["4", "5"]), body()],
            malformed,
        ),
        case(
            "8.1.1",
            "two lengths that are the same (RFC 9110, 8.6: accepted or rejected)",
            &[of_lengths(["4", "4"]), body()],
            Answers(1, 400, ""),
        ),
        case(
            "8.1.1",
            "a list of lengths",
            &[of_length("4, 4"), body()],
            malformed,
        ),
        case(
            "8.2.1",
            "a name in capitals",
            &[with_field("X-Name", "x")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "8.2.2",
            "the field connection",
            &[with_field("connection", "close")],
            malformed,
        ),
        case(
            "8.2.2",
            "the field transfer-encoding",
            &[with_field("transfer-encoding", "chunked")],
            malformed,
        ),
        case(
            "8.2.2",
            "the field te with another value",
            &[with_field("te", "gzip")],
            malformed,
        ),
        case(
            "8.2.2",
            "the field te with trailers",
            &[with_field("te", "trailers")],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.3",
            "a pseudo field that is unknown",
            &[with_field(":odd", "x")],
            Ends(PROTOCOL_ERROR),
        ),
        case(
            "8.3",
            "a pseudo field after a field",
            &[of(&after_a_field)],
            malformed,
        ),
        case(
            "8.3",
            "a pseudo field of answers",
            &[of(&with_status)],
            malformed,
        ),
        case("8.3.1", "the method twice", &[of(&twice)], malformed),
        case("8.3.1", "no method", &[of(&complete[1..])], malformed),
        case(
            "8.3.1",
            "no scheme",
            &[of(&[&[METHOD_GET][..], &complete[2..]].concat())],
            malformed,
        ),
        case(
            "8.3.1",
            "no path",
            &[of(&[METHOD_GET, 0x86])],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "an authority and no path",
            &[of(&[&[METHOD_GET, 0x86][..], &authority].concat())],
            malformed,
        ),
        case(
            "8.3.1",
            "no path, and a body to come",
            &[frame(HEADERS, END_HEADERS, 1, &[METHOD_POST, 0x86])],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "a host that is not the authority",
            &[of(&with_host(b"tess"))],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "the authority once more as the host",
            &[of(&with_host(b"TEST"))],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.3.1",
            "two hosts, of which the first is the authority",
            &[of(&[with_host(b"test"), field("host", "tess")].concat())],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "the same host twice",
            &[of(&[with_host(b"test"), field("host", "test")].concat())],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "a host that is none, and no authority",
            &[by_host("a b")],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "neither an authority nor a host",
            &[of(&[METHOD_GET, 0x86, ROOT])],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "a host in place of an authority",
            &[by_host("test:80")],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.3.1",
            "a user in the authority",
            &[of(&[
                &[METHOD_GET, 0x86, ROOT, 0x01, 0x09][..],
                b"user@test",
            ]
            .concat())],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "an authority whose port is none",
            &[of(&[
                &[METHOD_GET, 0x86, ROOT, 0x01, 0x08][..],
                b"test:abc",
            ]
            .concat())],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "an empty scheme",
            &[of(
                &[&[METHOD_GET, 0x06, 0x00, ROOT], &authority[..]].concat()
            )],
            Answers(1, 400, ""),
        ),
        case(
            "10.5.1",
            "a field too many",
            &[of(&[complete.clone(), field("a", "b").repeat(101)].concat())],
            Answers(1, 431, ""),
        ),
        case(
            "10.5.1",
            "as many fields as there may be",
            &[of(&[complete.clone(), field("a", "b").repeat(100)].concat())],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.2.1",
            "a value that begins with a space",
            &[with_field("name", " value")],
            Answers(1, 400, ""),
        ),
        case(
            "8.2.1",
            "a value that ends with a tab",
            &[with_field("name", "value\t")],
            Answers(1, 400, ""),
        ),
        case(
            "8.2.1",
            "a value with a space within, and an empty one",
            &[of(&[
                fields(METHOD_GET, "/"),
                field("name", "a b"),
                field("other", ""),
            ]
            .concat())],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.3.1",
            "the path * in a request for options",
            &[of(&with_method(
                b"OPTIONS",
                &[&[0x86, 0x04, 0x01, b'*'], &authority[..]].concat(),
            ))],
            Answers(1, 200, "hello"),
        ),
        case(
            "8.3.1",
            "the path * in another request",
            &[of(
                &[&[METHOD_GET, 0x86, 0x04, 0x01, b'*'], &authority[..]].concat()
            )],
            Answers(1, 400, ""),
        ),
        case(
            "8.3.1",
            "an authority without a host",
            &[of(
                &[&[METHOD_GET, 0x86, ROOT, 0x01, 0x03][..], b":80"].concat()
            )],
            Answers(1, 400, ""),
        ),
        case(
            "8.5",
            "CONNECT without a port",
            &[of(&with_method(b"CONNECT", &authority))],
            Answers(1, 400, ""),
        ),
        case(
            "8.5",
            "CONNECT with a path",
            &[of(&with_method(b"CONNECT", &complete[1..]))],
            malformed,
        ),
        case(
            "8.1.1",
            "a body whose client waits for 100, which hyper does not send",
            &[waiting(), frame(DATA, END_STREAM, 1, b"four")],
            Answers(1, 200, "four"),
        ),
        case(
            "8.3.1",
            "an empty path",
            &[of(&[METHOD_GET, 0x86, 0x04, 0x00])],
            malformed,
        ),
    ]);
}
