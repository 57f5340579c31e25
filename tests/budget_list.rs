//! Is each future of the public interface in a test of the budget?
//!
//! The list of futures is derived from the sources, so that a new one cannot be forgotten:
//! `budget.rs`, `net_budget.rs` and `net_waits.rs` ask whether they yield.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The reason for which a future is in no loop that never yields.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// By the tests that have these texts.
    By(&'static [&'static str]),
    /// It is part of others, and polled by no user.
    Inside,
    /// It is as often ready as the user's future within it.
    Around,
    /// It runs for as long as its task, and yields by a count of its own.
    Background,
}

use Held::{Around, Background, By, Inside};

const FUTURES: &[(&str, Held)] = &[
    (
        "background/caller_gone.rs CallerGone",
        By(&["a caller that is gone"]),
    ),
    ("background/errand.rs AtWork", Inside),
    ("background/errand.rs Caught", Inside),
    ("background/future.rs Background", Background),
    ("background/handle.rs Call", By(&["a closed service"])),
    ("background/handle.rs PlainCall", Inside),
    ("background/handle.rs PlainReply", Inside),
    ("background/handle.rs Reply", By(&["reply"])),
    ("background/lodging.rs Life", Inside),
    ("background/service.rs AnyServing", Inside),
    ("background/serving.rs Serving", Inside),
    ("background/task_queue/wait.rs Wait", By(&["finished work"])),
    ("blocking/mod.rs Unblock", By(&["unblock"])),
    ("executor/tracked.rs Tracked", Inside),
    ("ground/large.rs BoxedOutput", Inside),
    (
        "group/mod.rs cancel",
        By(&["the cancel of an ended member", "the cancel of no member"]),
    ),
    (
        "group/mod.rs cancel_all",
        By(&["the cancel of all of nothing"]),
    ),
    ("group/mod.rs first_error", By(&["the errors of nothing"])),
    ("group/mod.rs join_all", By(&["the join of nothing"])),
    (
        "group/mod.rs join_next",
        By(&["join_next", "an empty group"]),
    ),
    ("group/mod.rs join_next_with_id", By(&["join_next_with_id"])),
    ("net/byte_stream.rs ByteStream", By(&["read", "write"])),
    (
        "net/byte_stream.rs poll_readable",
        By(&["poll_readable bytes"]),
    ),
    (
        "net/byte_stream.rs poll_writable",
        By(&["poll_writable bytes"]),
    ),
    ("net/byte_stream.rs readable", By(&["readable bytes"])),
    ("net/byte_stream.rs writable", By(&["writable bytes"])),
    (
        "net/datagram_socket.rs poll_readable",
        By(&["poll_readable"]),
    ),
    (
        "net/datagram_socket.rs poll_writable",
        By(&["poll_writable"]),
    ),
    ("net/datagram_socket.rs readable", By(&["readable"])),
    ("net/datagram_socket.rs recv", By(&["recv"])),
    ("net/datagram_socket.rs recv_from", By(&["recv_from"])),
    ("net/datagram_socket.rs send", By(&["send"])),
    ("net/datagram_socket.rs writable", By(&["writable"])),
    ("net/halves.rs ReadHalf", By(&["read half"])),
    ("net/halves.rs WriteHalf", By(&["write half"])),
    ("net/listener.rs Incoming", By(&["incoming"])),
    ("net/listener.rs accept", By(&["accept"])),
    ("net/listener.rs poll_accept", By(&["poll_accept"])),
    ("net/registered.rs Ready", Inside),
    (
        "net/resolve.rs resolve",
        By(&["resolve", "resolve without a port", "a simulated lookup"]),
    ),
    (
        "net/tcp_listener.rs bind",
        By(&["bind TCP", "bind with options"]),
    ),
    ("net/tcp_stream.rs connect", By(&["connect nowhere"])),
    ("net/tcp_stream.rs peek", By(&["peek at bytes"])),
    ("net/tcp_stream.rs poll_over", By(&["poll_over"])),
    ("net/udp_socket.rs bind", By(&["bind UDP"])),
    ("net/udp_socket.rs connect", By(&["connect UDP"])),
    ("net/udp_socket.rs peek", By(&["peek"])),
    ("net/udp_socket.rs peek_from", By(&["peek_from"])),
    (
        "net/udp_socket.rs send_to",
        By(&["send_to", "send nowhere"]),
    ),
    ("net/unix/unix_datagram.rs send_to", By(&["send_to Unix"])),
    ("net/unix/unix_stream.rs connect", By(&["connect Unix"])),
    ("pipeline/lane.rs LaneTask", Inside),
    (
        "pipeline/outputs.rs Outputs",
        By(&["an ended stream", "stream"]),
    ),
    ("pipeline/outputs.rs feed", By(&["feed"])),
    (
        "pipeline/outputs.rs recv_async",
        By(&["recv_async", "ended outputs"]),
    ),
    ("pipeline/running.rs ended", By(&["an ended pipeline"])),
    ("pipeline/running.rs shutdown", By(&["its shutdown"])),
    (
        "pipeline/running.rs shutdown_within",
        By(&["its shutdown within a time"]),
    ),
    ("pipeline/shared.rs read", By(&["read"])),
    ("pipeline/shared.rs write", By(&["write"])),
    ("runtime/returnable.rs Returnable", Inside),
    (
        "runtime/shutdown_begun.rs ShutdownBegun",
        By(&["shutdown_begun"]),
    ),
    ("task/handle.rs FallibleTask", By(&["fallible task"])),
    ("task/handle.rs Task", By(&["task"])),
    ("task/handle.rs cancel", By(&["cancel", "fallible cancel"])),
    ("task/task_local/mod.rs Scoped", Around),
    ("time/interval.rs poll_tick", By(&["poll_tick"])),
    ("time/interval.rs tick", By(&["tick", "reset ticks"])),
    (
        "time/sleep.rs Sleep",
        By(&["sleep", "sleep_until", "one sleep"]),
    ),
    ("time/timeout.rs Timeout", By(&["timeout"])),
];

const TESTS: [&str; 2] = [include_str!("budget.rs"), include_str!("net_budget.rs")];

/// The futures in a folder of sources: types with an implementation of `Future`, of a stream or of
/// input and output, and public functions that are `async` or begin with `poll_`.
fn futures_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            futures_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
            let file = path.strip_prefix(sources).unwrap().display().to_string();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.extend(
                code.lines()
                    .filter_map(future_of)
                    .map(|name| format!("{file} {name}")),
            );
        }
    }
}

/// The future that a line of code declares.
fn future_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let after = |start: &str| line.strip_prefix(start);
    let function =
        after("pub async fn ").or_else(|| after("pub fn ").filter(|it| it.starts_with("poll_")));
    let implemented = || {
        let line = after("impl")?;
        let traits = [
            " Future for ",
            " Stream for ",
            "AsyncRead for ",
            "AsyncWrite for ",
        ];
        traits
            .iter()
            .find_map(|start| Some(line.split_once(start)?.1))
    };
    let name = function.or_else(implemented)?.trim_start_matches('&');
    name.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

#[test]
fn each_future_of_the_sources_is_held_to_the_budget() {
    let mut found = Vec::new();
    futures_in(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        &mut found,
    );
    let held: BTreeMap<_, _> = FUTURES.iter().copied().collect();
    for future in &found {
        assert!(
            held.contains_key(future.as_str()),
            "no test of the budget holds {future}"
        );
    }
    for future in held.keys() {
        assert!(found.iter().any(|it| it == future), "{future} is gone");
    }
}

#[test]
fn each_test_that_the_list_names_is_there() {
    for (future, held) in FUTURES {
        let By(texts) = held else { continue };
        for text in *texts {
            let asserts = |test: &str| {
                test.replace("(\n        ", "(")
                    .contains(&format!("assert_yields(\"{text}\""))
            };
            assert!(
                TESTS.iter().any(|test| asserts(test)),
                "{future}: no test has {text:?}"
            );
        }
    }
}
