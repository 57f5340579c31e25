//! HTTP/2 on the same port: is it served, and what becomes of clients that flood, stall or hoard?

mod client;

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use client::h2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, METHOD_GET,
    METHOD_POST, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, fields, frame, get,
};
use client::{Client, Served, door, served};
use laneway::Runtime;
use laneway_http::Limits;

/// Error codes of RFC 9113, section 7.
const NO_ERROR: u32 = 0;
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
    while client.try_send(&more) {}
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

/// Sends a frame three million times, and reads what comes of it. How the connection ends, after others were
/// served meanwhile by the one thread that there is for them all.
#[track_caller]
fn flood_and_read(server: &Served, flood: &[u8]) -> Frame {
    let mut client = begun(server);
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

/// The client of this file never answers the ping that follows a GOAWAY.
fn short_rest() -> Limits {
    let time = Duration::from_millis(40);
    Limits::public().idle(time).linger(64 * 1024, time)
}

#[test]
fn a_connection_that_rests_too_long_gets_goaway() {
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
