//! What a sleep costs, and how late it ends.
//!
//! A process holds all executors that have a timer and measures them in rounds, in an order that
//! is drawn anew each time. `cancel.rs` makes sleeps and drops them before their time, `fire.rs`
//! lets many end within the same milliseconds, `lateness.rs` asks how late one ends on an idle
//! machine, and `held.rs` counts the bytes of a million that are pending.

mod arm;
mod cancel;
mod cost;
mod fire;
mod held;
mod lateness;
mod report;

use std::any::Any;

use crate::child::{Effort, child};
use crate::executors::Sleeps;
use crate::figures::{self, Figure, Figures};
use crate::memory::Count;
use crate::peer::Peer;
use cancel::Cancel;
use cost::Cost;
use fire::Fire;

pub(crate) use report::report;

/// How many other sleeps are pending where there are any.
const CROWD: usize = 1_000_000;

/// What all executors with a timer have in common once their types are forgotten.
pub(crate) trait Timed: Sync {
    /// See [`cancel`].
    fn cancel(&'static self, threads: usize, cancel: Cancel) -> Cost;

    /// See [`fire`].
    fn fire(&'static self, fire: Fire) -> fire::Fired;

    /// See [`lateness`].
    fn lateness(&'static self, sleeps: usize) -> Vec<Figure>;

    /// Arms so many sleeps that end hours later, and gives them back to be kept.
    fn crowd(&'static self, sleeps: usize) -> Box<dyn Any>;

    /// See [`held`].
    fn memory(&'static self, count: Count) -> Vec<Figure>;
}

impl<E: Sleeps> Timed for E {
    fn cancel(&'static self, threads: usize, cancel: Cancel) -> Cost {
        cancel::measure(self, threads, cancel)
    }

    fn fire(&'static self, fire: Fire) -> fire::Fired {
        fire::measure(self, fire)
    }

    fn lateness(&'static self, sleeps: usize) -> Vec<Figure> {
        lateness::measure(self, sleeps)
    }

    fn crowd(&'static self, sleeps: usize) -> Box<dyn Any> {
        Box::new(cancel::crowd(self, sleeps))
    }

    fn memory(&'static self, count: Count) -> Vec<Figure> {
        held::measure(self, count)
    }
}

/// Measures in fresh processes, one after the other.
pub(crate) fn in_processes(effort: Effort, threads: usize, quick: bool, peers: &[Peer]) -> Figures {
    let mut figures = Figures::default();
    let names: Vec<String> = peers.iter().map(|peer| peer.name()).collect();
    let mut arguments = vec![
        "timer".to_owned(),
        format!("--rounds={}", effort.rounds),
        format!("--threads={threads}"),
        format!("--peers={}", names.join(",")),
    ];
    arguments.extend(quick.then(|| "--quick".to_owned()));
    for process in 0..effort.processes {
        eprintln!("process {} of {}", process + 1, effort.processes);
        figures.add_named(process, &child(&arguments));
    }
    figures
}

/// What a child process does.
pub(crate) fn in_this_process(peers: &[Peer], threads: usize, rounds: usize, late_sleeps: usize) {
    let started = peers.iter().map(|&peer| (peer, peer.start_timed(threads)));
    let mut subjects: Vec<(Peer, &'static dyn Timed)> = started.collect();
    cancelling(&subjects, threads, rounds, Cancel::name);
    fastrand::shuffle(&mut subjects);
    for (peer, subject) in &subjects {
        figures::print_named(*peer, &subject.lateness(late_sleeps));
    }
    firing(&subjects, rounds.div_ceil(2));
    let _crowds: Vec<_> = subjects.iter().map(|(_, on)| on.crowd(CROWD)).collect();
    cancelling(&subjects, threads, rounds, Cancel::name_in_crowd);
}

/// Rounds of every way to cancel on every executor, the first of them to warm up.
fn cancelling(
    subjects: &[(Peer, &'static dyn Timed)],
    threads: usize,
    rounds: usize,
    name: fn(Cancel) -> String,
) {
    let mut pairs = pairs(&Cancel::ALL, subjects);
    for round in 0..=rounds {
        fastrand::shuffle(&mut pairs);
        for &(cancel, (peer, subject)) in &pairs {
            let cost = subject.cancel(threads, cancel);
            if round > 0 {
                figures::print_named(peer, &cost.figures(&name(cancel)));
            }
        }
    }
}

fn firing(subjects: &[(Peer, &'static dyn Timed)], rounds: usize) {
    let mut pairs = pairs(&Fire::ALL, subjects);
    for round in 0..=rounds {
        fastrand::shuffle(&mut pairs);
        for &(fire, (peer, subject)) in &pairs {
            let fired = subject.fire(fire);
            if round > 0 {
                figures::print_named(peer, &fired.figures(fire.name()));
            }
        }
    }
}

fn pairs<A: Copy, B: Copy>(many: &[A], others: &[B]) -> Vec<(A, B)> {
    let each = |&one: &A| others.iter().map(move |&other| (one, other));
    many.iter().flat_map(each).collect()
}
