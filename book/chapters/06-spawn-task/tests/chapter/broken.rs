//! Does the macro mean the same wherever it is used?

#[path = "../../broken.rs"]
mod wrong;

use std::future::{Ready, ready};
use std::thread;

use chapter_06::spawn_task;
use futures_lite::future::block_on;
use laneway_book::check::red;
use wrong::spawn_task as unhygienic_spawn_task;

/// How the program with these tests did it before it had a runtime: on the spot.
fn spawn<F: Future>(future: F, _: Priority) -> Ready<F::Output> {
    ready(block_on(future))
}

/// How urgent something is to that program.
enum Priority {
    Low,
}

/// The future runs on a consumer, although there is a `spawn` here that runs it on the spot.
macro_rules! runs_on_a_consumer {
    ($spawn_task:ident) => {
        let here = thread::current().id();
        let there = block_on($spawn_task!(async { thread::current().id() }));
        assert_ne!(here, there, "it ran on the thread that spawned it");
    };
}

#[test]
fn a_macro_with_bare_names_calls_its_callers_spawn() {
    red("`spawn` is looked up where the macro is used", || {
        runs_on_a_consumer!(unhygienic_spawn_task);
    });
}

#[test]
fn a_macro_with_full_paths_calls_its_own() {
    runs_on_a_consumer!(spawn_task);
}

#[test]
fn the_old_spawn_runs_on_the_spot() {
    let here = thread::current().id();
    let there = block_on(spawn(async { thread::current().id() }, Priority::Low));
    assert_eq!(here, there);
}
