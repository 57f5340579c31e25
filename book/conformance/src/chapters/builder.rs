//! Chapter 8: configurations.

use crate::Runtime;
use crate::tools::checks;

checks!(8:
    accepts_one_consumer_a_queue,
    accepts_many_consumers,
    refuses_to_have_no_consumer,
);

fn accepts_one_consumer_a_queue<R: Runtime>() {
    assert!(R::accepts(1, 1), "one high and one low");
}

fn accepts_many_consumers<R: Runtime>() {
    assert!(R::accepts(6, 2), "six high and two low");
}

fn refuses_to_have_no_consumer<R: Runtime>() {
    assert!(!R::accepts(0, 0), "nobody would ever run a task");
}
