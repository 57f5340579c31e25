//! Chapter 8: configurations.

use crate::Runtime;
use crate::tools::checks;

checks!(8:
    accepts_one_consumer_a_queue,
    accepts_many_consumers,
    refuses_to_have_no_consumer,
    gives_every_machine_a_high_consumer,
);

fn accepts_one_consumer_a_queue<R: Runtime>() {
    assert!(R::accepts(1, 1), "one high and one low");
}

fn accepts_many_consumers<R: Runtime>() {
    assert!(R::accepts(6, 2), "six high and two low");
}

fn refuses_to_have_no_consumer<R: Runtime>() {
    assert!(!R::accepts(0, 0), "no consumer would ever run a task");
}

/// Told about machines, so that the one that runs the check does not matter.
fn gives_every_machine_a_high_consumer<R: Runtime>() {
    for cores in [64, 8, 3, 2, 1] {
        let high = R::high_for(cores);
        let right = (1..=cores).contains(&high);
        assert!(right, "{high} high consumers by default on {cores} cores");
        assert!(R::accepts(high, 1), "{high} high consumers and a low one");
    }
}
