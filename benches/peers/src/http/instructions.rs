//! Where the instructions of a request go, counted by callgrind, which needs valgrind.
//!
//! A server answers a few requests and, in another process, many: what the second has done more,
//! divided, is what one request costs, whatever a server does at its start and end. Callgrind runs
//! one thread at a time, so that what threads do while they wait for each other counts for more
//! than it does in life.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::process;

use super::saturated;
use super::server::Program;
use crate::peer::Peer;

const FEW: usize = 2_000;
const MANY: usize = 10_000;

/// The servers that are counted.
const PEERS: [Peer; 4] = [
    Peer::Tokio,
    Peer::Laneway,
    Peer::TokioAxum,
    Peer::LanewayAxum,
];

/// The parts of a server, each with words of which the names of its functions have one. A function
/// belongs to the first part that has a word of its name; one that is inlined, to its caller's.
const PARTS: [(&str, &[&str]); 5] = [
    ("laneway-http", &["laneway_http::"]),
    (
        "hyper and its crates",
        &["hyper", "http::", "http_body", "httparse::", "bytes::"],
    ),
    (
        "the runtime and its sockets",
        &[
            "laneway::",
            "tokio::",
            "async_task::",
            "crossbeam",
            "flume::",
            "mio::",
        ],
    ),
    ("copies", &["memcpy", "memmove", "memset"]),
    ("memory", &["alloc", "free", "unlink_chunk", "__rdl_"]),
];

/// The part of all other functions.
const REST: &str = "the rest";

/// Instructions by part.
type Counts = BTreeMap<&'static str, u64>;

/// Counts, and prints a table.
///
/// # Errors
///
/// Where the servers cannot be built, or valgrind cannot run.
pub fn count_instructions() -> io::Result<()> {
    let program = Program::build(2).ok_or_else(|| io::Error::other("cargo cannot build"))?;
    let counted = PEERS.map(|peer| per_request(&program, peer));
    let counted: Vec<Counts> = counted.into_iter().collect::<io::Result<_>>()?;
    let names = PEERS.map(Peer::name).join(" | ");
    println!("| instructions for a request | {names} |");
    println!("| --- |{}", " ---: |".repeat(PEERS.len()));
    for part in PARTS.map(|(part, _)| part).into_iter().chain([REST]) {
        print_row(part, counted.iter().map(|counts| counts.get(part).copied()));
    }
    let all = counted.iter().map(|counts| Some(counts.values().sum()));
    print_row("all", all);
    Ok(())
}

fn print_row(name: &str, counts: impl Iterator<Item = Option<u64>>) {
    let cells = counts.map(|count| count.unwrap_or_default().to_string());
    println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
}

fn per_request(program: &Program, peer: Peer) -> io::Result<Counts> {
    let few = counts(program, peer, FEW)?;
    let many = counts(program, peer, MANY)?;
    let more = |(part, count): (&'static str, u64)| {
        let before = few.get(part).copied().unwrap_or_default();
        (part, count.saturating_sub(before) / (MANY - FEW) as u64)
    };
    Ok(many.into_iter().map(more).collect())
}

/// All that a server does which answers so many requests.
fn counts(program: &Program, peer: Peer, requests: usize) -> io::Result<Counts> {
    let file = env::temp_dir().join(format!("laneway-callgrind-{}", process::id()));
    let server = program.start_under_callgrind(peer, &file)?;
    saturated::ask(server.address, "/", requests);
    drop(server);
    let profile = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(by_part(&profile))
}

/// Adds up the costs of functions themselves in a file of callgrind's. A function has its name
/// where it comes first, and a number in brackets from then on. The line after one that begins with
/// `calls=` is the cost of the functions that were called.
fn by_part(profile: &str) -> Counts {
    let (mut parts, mut counts) = (BTreeMap::new(), Counts::new());
    let (mut current, mut is_of_call) = (REST, false);
    for line in profile.lines() {
        if let Some((key, function)) = line.split_once("fn=(") {
            let (number, name) = function.split_once(')').unwrap_or((function, ""));
            if !name.is_empty() {
                parts.insert(number, part_of(name));
            }
            if key.is_empty() {
                current = parts.get(number).copied().unwrap_or(REST);
            }
        } else if line.starts_with("calls=") {
            is_of_call = true;
        } else if let Some(cost) = cost(line) {
            if !is_of_call {
                *counts.entry(current).or_default() += cost;
            }
            is_of_call = false;
        }
    }
    counts
}

/// The cost in a line that has one, after the place in the source.
fn cost(line: &str) -> Option<u64> {
    let has_place = line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    has_place.then(|| line.split(' ').nth(1)?.parse().ok())?
}

fn part_of(function: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| function.contains(word));
    let part = PARTS.iter().find(|(_, words)| has(words));
    part.map_or(REST, |(part, _)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_count_where_they_arise_and_calls_do_not() {
        let profile = "fn=(1) hyper::poll\n1 10\n+2 5\ncfn=(2) <laneway_http::S as hyper::Read>\n\
                       calls=3 7\n* 1000\n-1 1\n\nfn=(2)\n7 20\n\nfn=(3) main\n1 4\n";
        let wanted = [
            ("hyper and its crates", 16),
            ("laneway-http", 20),
            (REST, 4),
        ];
        assert_eq!(by_part(profile), Counts::from(wanted));
    }
}
