//! HTTP/2 on the same port: is it served, and what becomes of clients that flood, stall or hoard?

mod client;

use std::convert::Infallible;
use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::h2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, METHOD_GET,
    METHOD_POST, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, fields, frame, get,
};
use client::{Client, Served, door, served};
use futures_lite::stream;
use http::Response;
use http_body_util::StreamBody;
use laneway::Runtime;
use laneway::time::sleep;
use laneway_http::{Limits, service_fn};

/// Error codes of RFC 9113, section 7.
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

fn begun(server: &Served) -> Client {
    let mut client = server.connect();
    client.begin_h2(&[]);
    client
}

/// That another client is served as ever.
#[track_caller]
fn assert_others_unharmed(server: &Served) {
    let mut other = begun(server);
    other.send(get(1, "/"));
    assert_eq!(other.h2_answer(1), (200, "hello".to_owned()));
}

#[test]
fn requests_are_answered_on_streams_of_one_connection() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    client.send([get(1, "/never"), get(3, "/"), get(5, "/")].concat());
    assert_eq!(client.h2_answer(3), (200, "hello".to_owned()));
    client.send(get(7, "/"));
    assert_eq!(client.h2_answer(7), (200, "hello".to_owned()));
}

#[test]
fn a_body_goes_up_and_down() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    client.send(frame(
        HEADERS,
        END_HEADERS,
        1,
        &fields(METHOD_POST, "/echo"),
    ));
    client.send(frame(DATA, 0, 1, b"ab"));
    client.send(frame(DATA, END_STREAM, 1, b"cd"));
    assert_eq!(client.h2_answer(1), (200, "abcd".to_owned()));
}

#[test]
fn the_preface_may_come_byte_by_byte() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    for byte in PREFACE {
        client.send([*byte]);
    }
    client.send(frame(SETTINGS, 0, 0, &[]));
    client.send(get(1, "/"));
    assert_eq!(client.h2_answer(1), (200, "hello".to_owned()));
}

#[test]
fn a_preface_that_breaks_off_is_closed() {
    let server = served(Limits::public().head_time(Duration::from_millis(30)));
    let mut client = server.connect();
    client.send(&PREFACE[..10]);
    assert_eq!(client.closed(), "");
}

#[test]
fn hyper_3756_a_client_that_sends_nothing_before_its_protocol_is_known_is_closed() {
    let server = served(Limits::public().first_byte(Duration::from_millis(30)));
    assert_eq!(server.connect().closed(), "");
    server.wait_until("it is closed", |server| server.connections() == 0);
}

#[test]
fn hyper_3962_the_time_of_a_preface_is_that_of_a_head_however_its_bytes_come() {
    for begins in 1..PREFACE.len() {
        let server = served(Limits::public().head_time(Duration::from_millis(30)));
        let mut client = server.connect();
        client.stream.set_nodelay(true).unwrap();
        let mut pieces = PREFACE[..begins].chunks(5);
        // The server may be faster than the client.
        let _ = pieces.all(|piece| client.try_send(piece));
        client.rest();
        server.wait_until("it is closed", |server| server.connections() == 0);
    }
}

#[test]
fn a_rapid_reset_ends_with_goaway() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    let reset = |stream| {
        [
            get(stream, "/never"),
            frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ]
    };
    let flood: Vec<u8> = (0..5000)
        .flat_map(|number| reset(2 * number + 1).concat())
        .collect();
    let _ = client.stream.write_all(&flood);
    assert_eq!(client.goaway().error_code(), ENHANCE_YOUR_CALM);
    assert_others_unharmed(&server);
    server.wait_until("it is closed", |server| server.connections() <= 1);
}

#[test]
fn a_flood_of_continuations_ends_with_goaway() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    client.send(frame(HEADERS, END_STREAM, 1, &fields(METHOD_GET, "/")));
    let field = [&[0x00, 0x01, b'x', 0x7f, 0x80, 0x01][..], &[b'y'; 255]].concat();
    let more = frame(CONTINUATION, 0, 1, &field.repeat(60));
    // As many as end the connection. More than the server drains behind that would be answered by
    // a reset, which can overtake its last words.
    let _ = (0..8).all(|_| client.try_send(&more));
    assert_eq!(client.goaway().error_code(), ENHANCE_YOUR_CALM);
    assert_others_unharmed(&server);
    server.wait_until("it is closed", |server| server.connections() <= 1);
}

#[test]
fn a_giant_list_of_fields_is_refused_and_the_connection_goes_on() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    let field = [&[0x00, 0x01, b'x', 0x64][..], &[b'y'; 100]].concat();
    let giant = [fields(METHOD_GET, "/"), field.repeat(140)].concat();
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &giant));
    assert_eq!(client.frame_of(HEADERS, 1).status(), 431);
    client.send(get(3, "/"));
    assert_eq!(client.h2_answer(3), (200, "hello".to_owned()));
}

#[test]
fn floods_of_pings_and_settings_whose_answers_are_not_read_are_cut_off() {
    for flood in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let server = served(Limits::public().write_stall(Duration::from_millis(50)));
        let mut client = begun(&server);
        let flood = flood.repeat(1000);
        while client.try_send(&flood) {}
        server.wait_until("it is cut off", |server| server.connections() == 0);
        assert_others_unharmed(&server);
    }
}

#[track_caller]
fn flood_and_read(server: &Served, flood: &[u8]) -> Frame {
    flood_and_read_after(server, &[], flood)
}

/// Sends a frame three million times, and reads what comes of it. How the connection ends, after
/// others were served meanwhile by the one thread that there is for them all.
#[track_caller]
fn flood_and_read_after(server: &Served, before: &[u8], flood: &[u8]) -> Frame {
    let mut client = begun(server);
    client.send(before);
    let mut sending = Client {
        stream: client.stream.try_clone().unwrap(),
    };
    let flood = flood.repeat(1000);
    let sender = thread::spawn(move || {
        let _ = (0..3000).all(|_| sending.try_send(&flood));
        let _ = sending.stream.shutdown(Shutdown::Write);
    });
    assert_others_unharmed(server);
    let goaway = client.goaway();
    assert_others_unharmed(server);
    sender.join().unwrap();
    drop(client);
    server.wait_until("all are gone", |server| server.connections() == 0);
    goaway
}

fn served_by_one_thread() -> Served {
    let runtime = Runtime::builder().with_high_num(1);
    client::serve_on(runtime.build().unwrap(), Limits::public(), client::routes)
}

#[test]
fn a_flood_of_pings_whose_answers_are_read_ends_with_goaway() {
    let server = served_by_one_thread();
    let goaway = flood_and_read(&server, &frame(PING, 0, 0, &[0; 8]));
    assert_eq!(goaway.error_code(), NO_ERROR);
}

#[test]
fn a_flood_of_settings_whose_answers_are_read_ends_with_goaway() {
    let server = served_by_one_thread();
    let goaway = flood_and_read(&server, &frame(SETTINGS, 0, 0, &[]));
    assert_eq!(goaway.error_code(), NO_ERROR);
}

#[test]
fn a_flood_of_frames_that_need_no_answer_ends_with_goaway() {
    let server = served_by_one_thread();
    for kind in [PRIORITY, 0x16] {
        let goaway = flood_and_read(&server, &frame(kind, 0, 1, &[0, 0, 0, 0, 9]));
        assert_eq!(goaway.error_code(), NO_ERROR);
    }
}

/// 1 byte more of window.
const ONE: &[u8] = &1_u32.to_be_bytes();

#[test]
fn a_flood_of_window_updates_ends_with_goaway() {
    let server = served_by_one_thread();
    let goaway = flood_and_read(&server, &frame(WINDOW_UPDATE, 0, 0, ONE));
    assert_eq!(goaway.error_code(), NO_ERROR);
}

#[test]
fn a_flood_of_frames_for_a_stream_that_is_over_ends_with_goaway() {
    let server = served_by_one_thread();
    let reset = frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    for flood in [frame(WINDOW_UPDATE, 0, 1, ONE), reset] {
        let goaway = flood_and_read_after(&server, &get(1, "/"), &flood);
        assert_eq!(goaway.error_code(), NO_ERROR);
    }
}

/// An answer in a number of pieces.
async fn in_pieces<const PIECES: usize>() -> Result<Response<PiecesBody>, Infallible> {
    let piece = |_| Ok(http_body::Frame::data(Bytes::from_static(&[b'x'; 100])));
    let pieces = stream::iter((0..PIECES).map(piece));
    Ok(Response::new(StreamBody::new(Box::pin(pieces))))
}

type PiecesBody = StreamBody<stream::Boxed<Result<http_body::Frame<Bytes>, Infallible>>>;

#[test]
fn a_client_that_opens_its_windows_at_each_piece_of_an_answer_is_none_that_floods() {
    const PIECES: usize = 20_000;
    let service = service_fn(|_request| in_pieces::<PIECES>());
    let runtime = Runtime::builder().build().unwrap();
    let server = client::serve_service(runtime, Limits::public(), service);
    let mut client = begun(&server);
    client.send(get(1, "/"));
    let (mut bytes, mut flags) = (0, 0);
    while flags & END_STREAM == 0 {
        let data = client.frame_of(DATA, 1);
        (bytes, flags) = (bytes + data.payload.len(), data.flags);
        let more = u32::try_from(data.payload.len().max(1)).unwrap();
        let open = |stream| frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
        client.send([open(0), open(1)].concat());
    }
    assert_eq!(bytes, 100 * PIECES);
    client.send(get(3, "/"));
    assert_eq!(client.frame_of(HEADERS, 3).status(), 200);
}

#[test]
fn a_client_that_tells_the_priority_and_the_window_of_each_request_is_none_that_floods() {
    const REQUESTS: u32 = 6_000;
    let server = served(Limits::public());
    let mut client = begun(&server);
    for stream in (0..REQUESTS).map(|number| 2 * number + 1) {
        let priority = frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 9]);
        let open = frame(WINDOW_UPDATE, 0, stream, ONE);
        client.send([get(stream, "/"), priority, open].concat());
        assert_eq!(client.h2_answer(stream), (200, "hello".to_owned()));
    }
}

#[test]
fn h2_737_a_client_whose_streams_have_to_be_reset_ends_with_goaway() {
    let server = served(Limits::public());
    // A request of HTTP/2 has no field `connection`.
    let malformed = [fields(METHOD_GET, "/"), b"\x00\x0aconnection\x01x".to_vec()].concat();
    let malformed = |number: u32| {
        let stream = 2 * number + 1;
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &malformed)
    };
    let mut client = begun(&server);
    let flood: Vec<u8> = (0..5000).flat_map(malformed).collect();
    let _ = client.stream.write_all(&flood);
    assert_eq!(client.goaway().error_code(), ENHANCE_YOUR_CALM);
    assert_others_unharmed(&server);
    server.wait_until("it is closed", |server| server.connections() <= 1);
    let mut client = begun(&server);
    client.send((0..100).flat_map(malformed).collect::<Vec<u8>>());
    client.send(get(201, "/"));
    assert_eq!(client.h2_answer(201), (200, "hello".to_owned()));
}

/// The client never sends a reset. It has the server send one for each stream, while the service goes
/// on with all of them.
#[test]
fn cve_2025_8671_a_client_that_has_its_streams_reset_ends_with_goaway() {
    let window = frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes());
    let own_child = |stream: u32| [&stream.to_be_bytes()[..], &[16]].concat();
    let head = |stream| frame(HEADERS, END_HEADERS, stream, &fields(METHOD_POST, "/never"));
    let shorter = [fields(METHOD_POST, "/never"), b"\x0f\x0d\x011".to_vec()].concat();
    let on = |stream: u32, mut frame: Vec<u8>| {
        frame[5..9].copy_from_slice(&stream.to_be_bytes());
        frame
    };
    type Broken<'a> = (&'a str, Box<dyn Fn(u32) -> Vec<u8> + 'a>);
    let ways: [Broken<'_>; 4] = [
        (
            "a window that is too large",
            Box::new(|stream| [head(stream), on(stream, window.clone())].concat()),
        ),
        (
            "a stream that depends on itself",
            Box::new(|stream| {
                let priority = frame(PRIORITY, 0, stream, &own_child(stream));
                [head(stream), priority].concat()
            }),
        ),
        (
            "a body that is longer than announced",
            Box::new(|stream| {
                let head = frame(HEADERS, END_HEADERS, stream, &shorter);
                [head, frame(DATA, 0, stream, b"12")].concat()
            }),
        ),
        (
            "trailers without an end",
            Box::new(|stream| {
                let trailers = frame(HEADERS, END_HEADERS, stream, b"\x00\x01a\x01b");
                [head(stream), trailers].concat()
            }),
        ),
    ];
    for (way, broken) in ways {
        let server = served(Limits::public());
        let mut client = begun(&server);
        let flood: Vec<u8> = (0..5000)
            .flat_map(|number| broken(2 * number + 1))
            .collect();
        let _ = client.stream.write_all(&flood);
        // h2 ends the connection at once where a stream is broken that it has refused.
        let code = client.goaway().error_code();
        assert!(
            [PROTOCOL_ERROR, ENHANCE_YOUR_CALM].contains(&code),
            "{way}: {code}"
        );
        assert_others_unharmed(&server);
        server.wait_until(way, |server| server.connections() <= 1);
    }
}

/// Padding and no more: hardly a byte for the client, a frame for the server.
#[test]
fn cve_2019_9518_a_flood_of_empty_parts_of_a_body_ends_with_goaway() {
    const PADDED: u8 = 8;
    for part in [&[][..], &[0], &[2, 0, 0]] {
        let server = served(Limits::public());
        let mut client = begun(&server);
        client.send(frame(
            HEADERS,
            END_HEADERS,
            1,
            &fields(METHOD_POST, "/never"),
        ));
        let flags = if part.is_empty() { 0 } else { PADDED };
        let _ = client
            .stream
            .write_all(&frame(DATA, flags, 1, part).repeat(30_000));
        assert_eq!(client.goaway().error_code(), ENHANCE_YOUR_CALM, "{part:?}");
        assert_others_unharmed(&server);
    }
}

/// A field of 4,000 bytes is in the table once, and costs a byte each time that it is named.
#[test]
fn cve_2016_6581_a_table_of_fields_is_no_bomb() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    let enters = [&[0x40, 0x01, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4000]].concat();
    let bomb = [fields(METHOD_GET, "/"), enters, vec![0xbe; 8000]].concat();
    let _ = client
        .stream
        .write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb));
    assert_eq!(client.goaway().error_code(), ENHANCE_YOUR_CALM);
    assert_others_unharmed(&server);
}

#[test]
fn many_pings_that_are_no_flood_do_not_end_a_connection() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    for _ in 0..9 {
        client.send(frame(PING, 0, 0, &[0; 8]).repeat(1000));
        for _ in 0..1000 {
            client.frame_of(PING, 0);
        }
    }
    client.send(get(1, "/"));
    assert_eq!(client.h2_answer(1), (200, "hello".to_owned()));
}

#[test]
fn a_ping_is_answered() {
    let server = served(Limits::public());
    let mut client = begun(&server);
    client.send(frame(PING, 0, 0, b"12345678"));
    let answer = client.frame_of(PING, 0);
    assert_eq!((answer.flags, &answer.payload[..]), (ACK, &b"12345678"[..]));
}

#[test]
fn a_client_that_opens_no_window_is_cut_off() {
    let server = served(Limits::public().write_stall(Duration::from_millis(50)));
    let mut client = server.connect();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    client.begin_h2(&[0, 4, 0, 0, 0, 0]);
    client.send(get(1, "/"));
    assert_eq!(client.frame_of(HEADERS, 1).status(), 200);
    assert_eq!(client.goaway().error_code(), NO_ERROR);
    assert_others_unharmed(&server);
}

/// hyper takes an answer of one piece as a whole, once there is room for its first byte.
#[test]
fn a_client_that_leaves_an_answer_unread_is_cut_off_though_it_goes_on_to_ask() {
    let server = served(Limits::public().write_stall(Duration::from_millis(200)));
    let mut client = server.connect();
    // SETTINGS_INITIAL_WINDOW_SIZE is 10.
    client.begin_h2(&[0, 4, 0, 0, 0, 10]);
    // The other answers have room for ever.
    client.send(frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()));
    client.send(get(1, "/large"));
    client.frame_of(DATA, 1);
    let ends = Instant::now() + Duration::from_secs(10);
    for stream in (3..).step_by(2) {
        assert!(Instant::now() < ends, "it is not cut off");
        if !client.try_send(&get(stream, "/")) || !is_answered(&mut client, stream) {
            break;
        }
    }
    server.wait_until("it is gone", |server| server.connections() == 0);
    assert_others_unharmed(&server);
}

/// Whether an answer comes before the end of the connection.
fn is_answered(client: &mut Client, stream: u32) -> bool {
    while let Some(frame) = client.frame() {
        if frame.stream == stream && frame.flags & END_STREAM != 0 {
            return true;
        }
    }
    false
}

#[test]
fn a_client_that_reads_a_large_answer_slowly_is_not_cut_off() {
    let server = served(Limits::public().write_stall(Duration::from_secs(1)));
    let mut client = server.connect();
    client.begin_h2(&[0, 4, 0, 0, 0, 10]);
    client.send(get(1, "/large"));
    client.frame_of(DATA, 1);
    // Twice as long as it may read nothing.
    for _ in 0..20 {
        server.runtime.block_on(sleep(Duration::from_millis(100)));
        client.send(frame(WINDOW_UPDATE, 0, 1, &10_u32.to_be_bytes()));
        assert_eq!(client.frame_of(DATA, 1).payload.len(), 10);
    }
}

#[test]
fn one_stream_too_many_is_refused_and_the_others_are_not() {
    let server = served(Limits::public().streams(4));
    let mut client = begun(&server);
    client.frame_of(SETTINGS, 0);
    client.send(frame(SETTINGS, ACK, 0, &[]));
    let streams = (0..4).flat_map(|number| get(2 * number + 1, "/never"));
    client.send(streams.collect::<Vec<u8>>());
    client.send(get(9, "/"));
    assert_eq!(client.frame_of(RST_STREAM, 9).error_code(), REFUSED_STREAM);
    client.send(frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
    client.send(get(11, "/"));
    assert_eq!(client.h2_answer(11), (200, "hello".to_owned()));
}

#[test]
fn a_body_that_stalls_is_timed_out_and_the_connection_goes_on() {
    let server = served(Limits::public().body_stall(Duration::from_millis(40)));
    let mut client = begun(&server);
    client.send(frame(
        HEADERS,
        END_HEADERS,
        1,
        &fields(METHOD_POST, "/echo"),
    ));
    client.send(frame(DATA, 0, 1, b"ab"));
    assert_eq!(client.h2_answer(1).0, 408);
    client.send(get(3, "/"));
    assert_eq!(client.h2_answer(3), (200, "hello".to_owned()));
}

/// The client of this file never answers the ping that follows a GOAWAY. One that stands still for
/// as long before it asks has rested too long as well.
fn short_rest() -> Limits {
    let time = Duration::from_millis(400);
    Limits::public().idle(time).linger(64 * 1024, time)
}

#[test]
fn hyper_1628_a_connection_that_rests_too_long_gets_goaway() {
    let server = served(short_rest());
    let mut client = begun(&server);
    client.send(get(1, "/"));
    client.h2_answer(1);
    assert_eq!(client.goaway().error_code(), NO_ERROR);
}

#[test]
fn a_shutdown_says_goaway_and_lets_streams_finish() {
    let (opener, waiting) = door();
    let server = client::serve_with(Limits::public(), move |_request| {
        let waiting = waiting.clone();
        async move {
            waiting.wait().await;
            Ok(http::Response::new("late".to_owned()))
        }
    });
    let mut client = begun(&server);
    client.send(get(1, "/"));
    opener.wait_for_a_handler();
    server.handle.shutdown();
    client.frame_of(GOAWAY, 0);
    opener.open();
    assert_eq!(client.h2_answer(1), (200, "late".to_owned()));
    drop(client);
    let report = server.end();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.served, report.finished), (1, 1));
}

#[test]
fn a_body_in_small_pieces_is_no_flood() {
    const PIECES: usize = 5000;
    let server = served(Limits::public());
    let mut client = begun(&server);
    let head = frame(HEADERS, END_HEADERS, 1, &fields(METHOD_POST, "/echo"));
    let piece = frame(DATA, 0, 1, b"0123456789");
    let last = frame(DATA, END_STREAM, 1, b"!");
    client.send([head, piece.repeat(PIECES), last].concat());
    let (status, body) = client.h2_answer(1);
    assert_eq!(status, 200);
    assert_eq!(body, "0123456789".repeat(PIECES) + "!");
}

#[test]
fn the_settings_come_however_much_a_client_has_said_after_its_preface() {
    let server = served(Limits::public());
    let settings = frame(SETTINGS, 0, 0, &[]);
    for said in 0..=settings.len() {
        let mut client = server.connect();
        client.send([PREFACE, &settings[..said]].concat());
        let first = client.frame().expect("the server's settings");
        assert_eq!(
            (first.kind, first.flags),
            (SETTINGS, 0),
            "after {said} bytes"
        );
        client.send(&settings[said..]);
        client.send(get(1, "/"));
        assert_eq!(client.h2_answer(1), (200, "hello".to_owned()));
    }
}
