//! A consumer that naps between two looks, and hears nothing meanwhile.

use std::thread;

use async_task::Runnable;
use chapter_05::{NAP, Step, step};
use flume::Receiver;

/// Runs what is in the queues and what comes, until the own one has no sender left.
pub fn consume(own: &Receiver<Runnable>, other: &Receiver<Runnable>) {
    while !own.is_disconnected() {
        match step(own, other) {
            Step::Own | Step::Stolen => {}
            Step::Rest => thread::sleep(NAP),
        }
    }
}
