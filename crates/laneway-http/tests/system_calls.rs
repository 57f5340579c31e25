//! How many system calls does the server make for a request, when it has no pause?
//!
//! `perf` counts them on the workers of the runtime alone, and `strace` where there is no `perf`, or
//! it may not count. Where there is neither, the test says so and is skipped.
//!
//! Waits for sockets and wake-ups of other threads depend on how many requests come at once: there
//! would be one of each for a client that asks alone. So the workers are kept from their sockets
//! until all clients have asked, however slow the machine is.
#![cfg(target_os = "linux")]

mod client;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use client::h2::{self, SETTINGS};
use client::{Client, Served, WATCHDOG, get, routes, serve_on};
use laneway::{Priority, Runtime};
use laneway_http::Limits;
use rustix::process::{Pid, Signal, kill_process};

const CONNECTIONS: usize = 64;

/// The most calls for a request of which none waits or wakes: one that reads, one that writes, and
/// few besides.
const MOST: f64 = 2.1;

/// The most calls for a request, the waits and wake-ups among them, and those by which the workers
/// were kept from their sockets.
const MOST_IN_ALL: f64 = 2.4;

/// How often the calls are counted, until they are few. Among them are writes that tell a worker in
/// the reactor of work, which are more where other programs take the cores.
const TRIES: usize = 10;

/// The most calls for a connection of one request of which none waits or wakes. It takes seven: two
/// accept, one of them in vain, two enter it in the reactor and take it out again, and one each
/// reads, writes and closes. In an unoptimized program the standard library makes one more.
const MOST_OF_A_CONNECTION: f64 = 8.75;

/// The same in HTTP/2. It takes nine, of which two write: the server's settings with its
/// acknowledgement, and the answer.
const MOST_OF_AN_HTTP2_CONNECTION: f64 = 10.75;

/// The calls that wait and wake.
const WAITS: [&str; 2] = ["epoll_wait", "futex"];

/// The call of a worker that searches while no client asks. It is not counted: the pauses are the
/// test's own, and the faster a machine is, the more such calls fit into one.
const IDLE: &str = "sched_yield";

/// Held by the test that counts: the calls are those of the process.
static COUNTS: Mutex<()> = Mutex::new(());

/// How many calls there are for a request.
#[derive(Clone, Copy, Debug)]
struct Calls {
    in_all: f64,
    of_waits: f64,
}

#[test]
fn a_request_costs_two_system_calls_and_few_besides() {
    let _counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let server = served_by_two();
    let mut clients = Clients::connect(&server);
    assert_costs(
        [800, 80],
        |rounds| clients.ask(rounds),
        |calls| calls.in_all - calls.of_waits <= MOST && calls.in_all <= MOST_IN_ALL,
    );
}

#[test]
fn a_connection_costs_no_call_for_its_options() {
    let words = b"GET / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n";
    assert_costs_of_a_connection(MOST_OF_A_CONNECTION, words, |client| {
        let (head, body) = client.answer();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(body, "hello");
    });
}

#[test]
fn an_http2_connection_is_answered_by_two_writes() {
    // A client says all of this at once.
    let words = [
        h2::PREFACE.to_vec(),
        h2::frame(SETTINGS, 0, 0, &[]),
        h2::get(1, "/"),
    ];
    assert_costs_of_a_connection(MOST_OF_AN_HTTP2_CONNECTION, &words.concat(), |client| {
        assert_eq!(client.h2_answer(1), (200, "hello".to_owned()));
    });
}

/// Asks by connections one after the other, each of which costs at most so many calls of which none
/// waits or wakes. The server finds a connection when its client has sent all: it would look for a
/// request once more in vain where the client is the slower one.
#[track_caller]
fn assert_costs_of_a_connection(most: f64, words: &[u8], take_answer: impl Fn(&mut Client)) {
    let _counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let server = served_by_two();
    let ask = || {
        let kept = Kept::from_sockets(&server.runtime);
        let mut client = server.connect();
        client.send(words);
        drop(kept);
        take_answer(&mut client);
    };
    assert_costs(
        [1_000, 250],
        |connections| (0..connections).map(|_| ask()).count(),
        |calls| calls.in_all - calls.of_waits <= most,
    );
}

/// A server on a runtime whose two workers are all threads that serve.
fn served_by_two() -> Served {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let runtime = builder.with_standby(0).build().unwrap();
    serve_on(runtime, Limits::public(), routes)
}

/// Counts what it costs to ask so many times, the fewer times by `strace`, until the calls are few.
#[track_caller]
fn assert_costs(
    [by_perf, by_strace]: [usize; 2],
    mut ask: impl FnMut(usize) -> usize,
    are_few: impl Fn(&Calls) -> bool,
) {
    // The server's preparations are over before the count.
    ask(10);
    let threads = workers();
    assert!(threads.len() > 1, "{threads:?}");
    let mut counts = (0..TRIES).map_while(|_| {
        counted_by_perf(&threads, || ask(by_perf))
            .or_else(|| counted_by_strace(&threads, || ask(by_strace)))
            .inspect(|calls| println!("calls for each: {calls:.3?}"))
    });
    // Where neither program can count, there is no first one either.
    if let Some(first) = counts.next() {
        assert!(are_few(&first) || counts.any(|calls| are_few(&calls)));
    }
}

/// Clients that ask again when all have their answers.
struct Clients<'a> {
    server: &'a Served,
    clients: Vec<Client>,
    length: usize,
}

impl Clients<'_> {
    fn connect(server: &Served) -> Clients<'_> {
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
        let [first, ..] = &mut clients[..] else {
            unreachable!("there are some");
        };
        first.stream.set_nodelay(true).unwrap();
        first.send(get("/"));
        let (head, body) = first.answer();
        let length = head.len() + body.len();
        Clients {
            server,
            clients,
            length,
        }
    }

    /// Asks this number of times by each, and gives back how often in all.
    fn ask(&mut self, rounds: usize) -> usize {
        let (request, mut answer) = (get("/"), vec![0; self.length]);
        for _ in 0..rounds {
            let kept = Kept::from_sockets(&self.server.runtime);
            for client in &mut self.clients {
                client.send(&request);
            }
            drop(kept);
            for client in &mut self.clients {
                client.stream.read_exact(&mut answer).expect("an answer");
            }
        }
        rounds * CONNECTIONS
    }
}

/// Both workers of a runtime, which do nothing until this is dropped.
struct Kept {
    _let_go: [Sender<()>; 2],
}

impl Kept {
    fn from_sockets(runtime: &Runtime) -> Kept {
        let (is_kept, kept) = channel();
        let let_go = [Priority::High, Priority::Low].map(|priority| {
            let (let_go, end) = channel::<()>();
            let is_kept = is_kept.clone();
            let keep = async move {
                is_kept.send(()).expect("the test waits for it");
                // It ends with the drop of the sender.
                let _ = end.recv();
            };
            runtime.spawn(keep, priority).detach();
            let_go
        });
        for _ in &let_go {
            kept.recv_timeout(WATCHDOG).expect("a worker takes it");
        }
        Kept { _let_go: let_go }
    }
}

/// The numbers of the workers. The calls of the watchdog depend on the time that passes.
fn workers() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").expect("Linux has it");
    let threads = threads.map(|thread| thread.expect("it can be read"));
    let named = threads.filter(|thread| {
        // One that has ended meanwhile is none of the runtime's.
        let name = fs::read_to_string(thread.path().join("comm"));
        let is_worker = |name: String| {
            ["laneway-high", "laneway-low"]
                .iter()
                .any(|of| name.starts_with(of))
        };
        name.is_ok_and(is_worker)
    });
    let number = |thread: fs::DirEntry| thread.file_name().into_string().expect("a number");
    named.map(number).collect()
}

/// Calls for a request by `perf`, which counts for as long as another program runs.
fn counted_by_perf(threads: &[String], ask: impl FnOnce() -> usize) -> Option<Calls> {
    let named = [IDLE].iter().chain(&WAITS);
    let named: String = named
        .map(|name| format!(",syscalls:sys_enter_{name}"))
        .collect();
    let mut perf = started(
        Command::new("perf")
            .args(["stat", "-x,", "-t", &threads.join(","), "-e"])
            .arg(format!("raw_syscalls:sys_enter{named}"))
            .args(["sh", "-c", "echo counting; read end"]),
    )?;
    let mut line = String::new();
    let mut output = BufReader::new(perf.stdout.take().expect("it is piped"));
    output.read_line(&mut line).expect("it is text");
    let asked = (line == "counting\n").then(ask);
    drop(perf.stdin.take());
    let said = perf.wait_with_output().expect("it ends with its input");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let counts = said.lines().filter(|line| line.contains("sys_enter"));
    let counts = counts.map(|line| line.split(',').next()?.parse::<f64>().ok());
    match (asked, counts.collect::<Option<Vec<_>>>().as_deref()) {
        (Some(asked), Some([all, idle, waits @ ..])) if waits.len() == WAITS.len() => Some(Calls {
            in_all: (all - idle) / asked as f64,
            of_waits: waits.iter().sum::<f64>() / asked as f64,
        }),
        _ => {
            println!("perf cannot count here: {}", said.trim());
            None
        }
    }
}

/// Calls for a request by `strace`. It makes each call so slow that the server has pauses.
fn counted_by_strace(threads: &[String], ask: impl FnOnce() -> usize) -> Option<Calls> {
    let threads = threads.iter().flat_map(|thread| ["-p", thread]);
    let mut strace = started(Command::new("strace").arg("-c").args(threads.clone()))?;
    let mut said = BufReader::new(strace.stderr.take().expect("it is piped")).lines();
    let attached = (0..threads.count() / 2).map(|_| said.next()?.ok());
    let attached = attached.map(|line| line.filter(|line| line.ends_with("attached")));
    if attached.collect::<Option<Vec<_>>>().is_none() {
        println!("skipped: strace may not attach itself here");
        strace.wait().expect("it is ours to wait for");
        return None;
    }
    let asked = ask();
    let process = Pid::from_child(&strace);
    kill_process(process, Signal::INT).expect("it runs until it is told to end");
    let table: Vec<String> = said.map_while(Result::ok).collect();
    strace.wait().expect("it is ours to wait for");
    let calls = |is_counted: fn(&str) -> bool| {
        let calls = table.iter().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            is_counted(words.last()?).then(|| words.get(3)?.parse::<f64>().ok())?
        });
        calls.sum::<f64>() / asked as f64
    };
    Some(Calls {
        in_all: calls(|name| name != "total" && name != IDLE),
        of_waits: calls(|name| WAITS.contains(&name)),
    })
}

/// A program with all its ends piped, where it is installed.
fn started(command: &mut Command) -> Option<Child> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).spawn();
    if child.is_err() {
        println!("skipped: there is no {:?}", command.get_program());
    }
    child.ok()
}
