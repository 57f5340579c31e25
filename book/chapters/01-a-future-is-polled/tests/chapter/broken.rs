//! Does a ring that comes before the sleep count?

#[path = "../../broken.rs"]
mod wrong;

use laneway_book::check::red;

use super::{LONG, SHORT, again, ends};

#[test]
fn a_bell_that_remembers_nothing_is_slept_through() {
    red("the ring came before the sleep", || {
        ends(SHORT, || wrong::block_on(again()));
    });
}

#[test]
fn a_bell_with_a_memory_is_not() {
    ends(LONG, || chapter_01::block_on(again()));
}
