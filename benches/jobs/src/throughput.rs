//! Many callers enqueue, then a worker drains.

use std::sync::Arc;

use crate::assignment::Assignment;
use crate::gauge::Gauge;
use crate::opened::Opened;
use crate::peer::Peer;
use crate::tally::Tally;

/// The work of a fresh process.
pub(crate) fn measure(assignment: &Assignment) {
    let opened = Opened::at(&assignment.address);
    opened.print_durability();
    let (jobs, server) = (assignment.jobs, assignment.server);
    let gauge = Gauge { server };
    gauge.phase("enqueue", jobs, || opened.enqueue(jobs));
    let tally = Arc::new(Tally::of(jobs));
    let finished = gauge.phase("drain", jobs, || {
        opened.drain(in_flight(assignment.peer), &tally)
    });
    assert_eq!(finished, u64::from(jobs), "each job is completed once");
    println!("doubled,{}", tally.doubled());
}

fn in_flight(peer: Peer) -> usize {
    match peer {
        Peer::Laneway256 => 256,
        _ => 64,
    }
}
