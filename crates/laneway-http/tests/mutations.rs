//! Does a server survive requests that were changed at random, and do its other clients not notice?
//!
//! An ordinary run sends some thousand of them, and soaks the server for some seconds. The whole
//! proof is one command each:
//!
//! ```text
//! LANEWAY_HTTP_MUTATIONS=1000000 cargo test --release -p laneway-http --test mutations -- \
//!     --nocapture requests_that
//! LANEWAY_HTTP_SOAK_MINUTES=10 cargo test --release -p laneway-http --test mutations -- \
//!     --nocapture a_server_at_full_speed
//! ```
//!
//! `LANEWAY_HTTP_MUTATIONS_SEED` asks for another seed than 1; a failure names the seed.

mod client;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, METHOD_POST, PING, PREFACE, RST_STREAM,
    SETTINGS, fields, frame,
};
use client::{Served, get, h2, post, served};
use laneway_http::Limits;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// What the tests of this file count is the process's: one runs at a time.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

const THREADS: usize = 4;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().expect("a number"))
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

/// Streams that are valid: heads, bodies, chunks, and frames of HTTP/2.
fn valid() -> Vec<Vec<u8>> {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n";
    let fields_of_post = fields(METHOD_POST, "/echo");
    let (first, rest) = fields_of_post.split_at(4);
    let split = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]),
        &frame(HEADERS, 0, 1, first),
        &frame(CONTINUATION, END_HEADERS, 1, rest),
        &frame(DATA, 0, 1, b"ab"),
        &frame(PING, 0, 0, b"12345678"),
        &frame(DATA, END_STREAM, 1, b"cd"),
        &h2::get(3, "/"),
    ];
    let reset = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &h2::get(1, "/never"),
        &h2::get(3, "/"),
        &frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()),
    ];
    vec![
        [get("/"), get("/x?y=z")].concat().into_bytes(),
        [&post("/echo", 5), "12345", &get("/")]
            .concat()
            .into_bytes(),
        [chunked, &get("/")].concat().into_bytes(),
        split.concat(),
        reset.concat(),
    ]
}

/// What is likely to be misunderstood.
const WORDS: [&[u8]; 12] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b":",
    b" ",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
    b"ffffffffffffffff\r\n",
    b"HTTP/1.0",
    b"\xff\xff\xff\xff",
];

/// Changes a stream in one to four places.
fn mutate(stream: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let place = dice.roll(stream.len());
        match dice.roll(6) {
            0 => stream
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|byte| *byte = dice.byte()),
            1 => stream
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|byte| *byte ^= 1 << dice.roll(8)),
            2 => stream.truncate(place),
            3 => {
                let end = stream.len().min(place + 1 + dice.roll(8));
                stream.drain(place..end);
            }
            4 => {
                let word = WORDS[dice.roll(WORDS.len())];
                stream.splice(place..place, word.iter().copied());
            }
            _ => {
                let end = stream.len().min(place + 1 + dice.roll(40));
                let again = stream[place..end].to_vec();
                stream.splice(place..place, again);
            }
        }
    }
}

/// Sends a stream in pieces, says that it is over, and reads what comes within a moment.
fn visit(address: SocketAddr, stream: &[u8], dice: &mut Dice) {
    let mut client = TcpStream::connect(address).expect("the server accepts");
    client.set_nodelay(true).unwrap();
    let (first, rest) = stream.split_at(dice.roll(stream.len() + 1));
    // The server may have closed meanwhile.
    let _ = client
        .write_all(first)
        .and_then(|()| client.write_all(rest));
    match dice.roll(3) {
        0 => {}
        1 => drop(client.shutdown(Shutdown::Write)),
        _ => {
            client
                .set_read_timeout(Some(Duration::from_millis(1)))
                .unwrap();
            let _ = client.read(&mut [0; 512]);
        }
    }
}

/// Sends this number of mutations from some threads.
fn attack(address: SocketAddr, mutations: u64, seed: u64) {
    let valid = valid();
    thread::scope(|scope| {
        for number in 0..THREADS as u64 {
            let valid = &valid;
            scope.spawn(move || {
                let mut dice = Dice((seed * 16 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                for _ in 0..mutations.div_ceil(THREADS as u64) {
                    let mut stream = valid[dice.roll(valid.len())].clone();
                    mutate(&mut stream, &mut dice);
                    visit(address, &stream, &mut dice);
                }
            });
        }
    });
}

/// Asks again and again on one connection until told to end. How long each answer took.
fn ask_until(server: &Served, over: &AtomicBool) -> Vec<Duration> {
    let (mut client, mut latencies) = (server.connect(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        client.send([&post("/echo", 4), "four"].concat());
        let (head, body) = client.answer();
        latencies.push(asked.elapsed());
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        assert_eq!(body, "four");
    }
    latencies.sort_unstable();
    latencies
}

/// The longest time for which this process as a whole stood still, until told to end.
fn pause_until(over: &AtomicBool) -> Duration {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    while !over.load(Ordering::Relaxed) {
        thread::park_timeout(Duration::from_millis(10));
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

/// The latency that a part of all keep to, and the longest, of a client that was there
/// during the attack. On a machine with nothing else to do, the bounds are far away; a time for
/// which the process was stopped is not the server's.
fn assert_not_noticed(latencies: &[Duration], pause: Duration) -> String {
    let of = |thousandths: usize| latencies[(latencies.len() - 1) * thousandths / 1000];
    let (median, late, worst) = (of(500), of(990), of(1000));
    let line = format!(
        "another client got {} answers, p50 {median:.0?}, p99 {late:.0?}, worst {worst:.0?}, and \
         the process stood still for {pause:.0?}",
        latencies.len()
    );
    assert!(late < Duration::from_millis(500), "{line}");
    assert!(worst < pause + Duration::from_secs(5), "{line}");
    line
}

/// The descriptors of this process.
fn descriptors() -> usize {
    let open = fs::read_dir("/proc/self/fd");
    open.map_or(0, |entries| entries.count())
}

/// That nothing is left of the clients that are gone.
#[track_caller]
fn assert_nothing_is_left(server: &Served, descriptors_before: usize) {
    server.wait_until("all are gone", |server| server.connections() == 0);
    client::wait_until("no task is left", || {
        server.live_tasks() == client::OWN_TASKS
    });
    client::wait_until("no descriptor is left", || {
        descriptors() <= descriptors_before
    });
}

/// Limits that let a client go that was cut short. One that rests is let be: the clients that are
/// to notice nothing rest themselves where the machine gives them no time.
fn short() -> Limits {
    let time = Duration::from_secs(2);
    Limits::public()
        .head_time(time)
        .first_byte(time)
        .body_stall(time)
        .write_stall(time)
        .linger(64 * 1024, time)
}

#[test]
fn requests_that_were_changed_at_random_harm_nobody() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mutations = from_environment("LANEWAY_HTTP_MUTATIONS", 4_000);
    let seed = from_environment("LANEWAY_HTTP_MUTATIONS_SEED", 1);
    println!("seed {seed}");
    let server = served(short());
    let before = descriptors();
    let (over, started) = (AtomicBool::new(false), Instant::now());
    let (latencies, pause) = thread::scope(|scope| {
        let other = scope.spawn(|| ask_until(&server, &over));
        let pause = scope.spawn(|| pause_until(&over));
        attack(server.address, mutations, seed);
        over.store(true, Ordering::Relaxed);
        let latencies = other.join().expect("the other client does not notice");
        (latencies, pause.join().expect("it only sleeps"))
    });
    let took = started.elapsed();
    let noticed = assert_not_noticed(&latencies, pause);
    assert_nothing_is_left(&server, before);
    println!("{mutations} mutations in {took:.1?}, nothing is left of them; {noticed}");
    let text = server.handle.prometheus();
    assert!(text.contains("\nlaneway_http_panics_total 0\n"), "{text}");
    let mut client = server.connect();
    client.send(get("/"));
    assert_eq!(client.answer().1, "hello");
    drop(client);
    assert!(server.end().is_clean());
}

#[test]
fn mutations_follow_from_the_seed_and_change_what_is_sent() {
    let mutated = |seed| {
        let mut dice = Dice(seed);
        let mut streams = valid();
        streams
            .iter_mut()
            .for_each(|stream| mutate(stream, &mut dice));
        streams
    };
    assert_eq!(mutated(7), mutated(7));
    assert_ne!(mutated(7), mutated(8));
    assert_ne!(mutated(7), valid());
}

/// The resources of a server without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    heap: usize,
    resident: usize,
}

/// How much more heap counts as flat: threads come and go, and lists keep the room that they had.
const FLAT: usize = 64 * 1024;
/// The same for what the system has given, which comes and goes in larger pieces.
const FLAT_RESIDENT: usize = 4 * 1024 * 1024;

impl Held {
    fn now() -> Held {
        let stats = ALLOCATOR.stats();
        let heap = stats.bytes_allocated;
        Held {
            heap: heap.saturating_sub(stats.bytes_deallocated),
            resident: resident(),
        }
    }

    fn assert_flat(self, before: Held) {
        let grown = self.heap.saturating_sub(before.heap);
        assert!(grown < FLAT, "{grown} bytes more on the heap: {self:?}");
        let grown = self.resident.saturating_sub(before.resident);
        assert!(grown < FLAT_RESIDENT, "{grown} bytes more: {self:?}");
    }
}

/// The memory of this process, where the system tells.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1);
    resident.map_or(0, |pages| 4096 * pages.parse::<usize>().expect("a number"))
}

#[test]
fn a_server_at_full_speed_keeps_its_memory_flat() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let minutes = from_environment("LANEWAY_HTTP_SOAK_MINUTES", 0);
    let time = match minutes {
        0 => Duration::from_secs(5),
        minutes => Duration::from_secs(60 * minutes),
    };
    let server = served(short());
    let before = descriptors();
    let first = soak(&server, time / 5);
    assert_nothing_is_left(&server, before);
    let early = Held::now();
    let rest = soak(&server, time * 4 / 5);
    assert_nothing_is_left(&server, before);
    let late = Held::now();
    late.assert_flat(early);
    let (descriptors, tasks) = (descriptors(), server.live_tasks());
    let report = server.end();
    assert!(report.is_clean());
    assert_eq!(report.served, first + rest);
    println!(
        "{} requests in {time:?}; after a fifth {early:?}, at the end {late:?}; \
         descriptors {before} before and {descriptors} after, tasks {} and {tasks}",
        report.served,
        client::OWN_TASKS,
    );
}

/// Keeps a server busy from some connections, which are opened anew again and again. How many
/// requests it has answered.
fn soak(server: &Served, time: Duration) -> u64 {
    let (started, answered) = (Instant::now(), AtomicU64::new(0));
    let answered_by = |requests: fn(&Served) -> u64| {
        while started.elapsed() < time {
            answered.fetch_add(requests(server), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| answered_by(many_in_one_write));
        scope.spawn(|| answered_by(many_in_one_write));
        scope.spawn(|| answered_by(bodies));
        scope.spawn(|| answered_by(streams));
    });
    answered.into_inner()
}

/// A connection in HTTP/1 whose requests come 16 at a time.
fn many_in_one_write(server: &Served) -> u64 {
    let mut client = server.connect();
    client.send(get("/"));
    let (head, body) = client.answer();
    assert_eq!(body, "hello");
    let mut answers = vec![0; 16 * (head.len() + body.len())];
    for _ in 0..50 {
        client.send(get("/").repeat(16));
        client.stream.read_exact(&mut answers).expect("16 answers");
        assert!(answers.ends_with(b"hello"));
    }
    1 + 50 * 16
}

/// A connection in HTTP/1 with bodies that come and go.
fn bodies(server: &Served) -> u64 {
    let (mut client, body) = (server.connect(), "b".repeat(4096));
    for _ in 0..50 {
        client.send([&post("/echo", body.len()), &body[..]].concat());
        assert_eq!(client.answer().1, body);
    }
    50
}

/// A connection in HTTP/2.
fn streams(server: &Served) -> u64 {
    let mut client = server.connect();
    client.begin_h2(&[]);
    for number in 0..50 {
        client.send(h2::get(2 * number + 1, "/"));
        assert_eq!(client.h2_answer(2 * number + 1), (200, "hello".to_owned()));
    }
    50
}
