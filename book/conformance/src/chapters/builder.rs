//! Chapter 8: configurations.

use std::thread;

use crate::process::{is_for_one_check, told_cores};
use crate::tools::checks;
use crate::{Check, Priority, Runtime};

checks!(8:
    accepts_one_consumer_a_queue,
    accepts_many_consumers,
    refuses_to_have_no_consumer,
    gives_every_machine_a_high_consumer,
    is_started_once_with_the_numbers_that_were_said,
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

/// Beside other checks, the runtime may have started: then with the default numbers.
fn is_started_once_with_the_numbers_that_were_said<R: Runtime>() {
    let (high, low) = match is_for_one_check() {
        true => (3, 2),
        false => (R::high_for(told_cores()), 1),
    };
    let started = Check::ends("four callers that start the runtime", move || {
        let callers = [(); 4].map(|()| thread::spawn(move || R::start_with(high, low)));
        let started = callers.map(|caller| caller.join().expect("no caller panics"));
        started.into_iter().filter(|started| *started).count()
    });
    assert!(
        started <= 1,
        "{started} of four callers started the runtime"
    );
    let again = R::start_with(high, low);
    assert!(!again, "it was started once more");
    if is_for_one_check() {
        assert_eq!(started, 1, "callers that started the runtime");
        let is = (
            R::consumers_of(Priority::High),
            R::consumers_of(Priority::Low),
        );
        assert_eq!(is, (high, low), "high and low consumers");
    }
}
