//! Servers over HTTP: what a request costs, how soon it is answered beside low work, and what a
//! connection costs that rests.
//!
//! Each server is a process of its own (`servers/`, in the program `laneway-peers-http`), and this
//! process is the client of all: one thread with many connections, or for the paced requests one
//! that sends and one that reads. A round asks each question of each server once, in an order that
//! is drawn anew; the server is started for it and ends after it. Each round begins with a look at
//! the machine itself (`stalls.rs`).

mod answer_length;
mod churn;
mod handler;
mod instructions;
mod paced;
mod question;
mod report;
pub(crate) mod resting;
mod saturated;
mod server;
mod stalls;
mod tls_client;

use std::thread;

use crate::computing::steps_in_2_ms;
use crate::figures::Figures;
use crate::memory::{self, Held};
use crate::peer::Peer;

pub use instructions::count_instructions;
pub(crate) use question::Amounts;
use question::Question;
pub(crate) use report::report;
use server::Program;

/// Asks everything in rounds. Nothing is measured where the servers cannot be built.
pub(crate) fn in_rounds(
    rounds: usize,
    threads: usize,
    amounts: Amounts,
    peers: &[Peer],
) -> Figures {
    let mut figures = Figures::default();
    let Some(program) = Program::build(threads) else {
        return figures;
    };
    let steps = steps_in_2_ms();
    let mut turns = turns(peers);
    for round in 0..rounds {
        eprintln!("round {} of {}", round + 1, rounds);
        fastrand::shuffle(&mut turns);
        // Under the name of the peer that is nothing but threads.
        for figure in stalls::measure(threads, amounts.stalls) {
            figures.push(round, Peer::FlumePool, figure);
        }
        for &(question, peer) in &turns {
            let steps = question.steps(steps);
            let mut server = program.start(peer, steps, question.wire());
            for figure in question.ask(&mut server, amounts, round) {
                figures.push(round, peer, figure);
            }
        }
    }
    for (peer, lines) in memory_of_all(peers, threads) {
        figures.add(0, peer, &lines);
    }
    figures
}

/// The memory of each, all at the same time: they rest.
fn memory_of_all(peers: &[Peer], threads: usize) -> Vec<(Peer, Vec<String>)> {
    let peers = peers.iter().filter(|peer| Peer::SATURATED.contains(peer));
    thread::scope(|scope| {
        let measure = |peer| memory::in_counting_program(Held::ByConnections, peer, threads);
        let started = peers.map(|&peer| (peer, scope.spawn(move || measure(peer))));
        let started: Vec<_> = started.collect();
        let joined = started.into_iter().filter_map(|(peer, lines)| {
            let lines = lines.join().expect("the program comes to its end");
            Some((peer, lines?))
        });
        joined.collect()
    })
}

/// Everything that happens in a round.
fn turns(peers: &[Peer]) -> Vec<(Question, Peer)> {
    let asked = |question: Question| {
        let peers = peers
            .iter()
            .filter(move |peer| question.peers().contains(peer));
        peers.map(move |&peer| (question, peer))
    };
    Question::ALL.into_iter().flat_map(asked).collect()
}
