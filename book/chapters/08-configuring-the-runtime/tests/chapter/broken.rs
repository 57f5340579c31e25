//! Is there a high consumer on every machine?

#[path = "../../broken.rs"]
mod wrong;

use laneway_book::check::red;

fn a_high_consumer_is_there(high_for: fn(usize) -> usize) {
    for cores in [64, 8, 3, 2, 1] {
        let high = high_for(cores);
        let right = 1..=cores;
        assert!(
            right.contains(&high),
            "{high} high consumers on {cores} cores"
        );
    }
}

#[test]
fn two_fewer_than_the_cores_are_none_on_a_small_machine() {
    red("on two cores it gives none", || {
        a_high_consumer_is_there(wrong::high_for);
    });
}

#[test]
fn at_least_one_is_there_on_every_machine() {
    a_high_consumer_is_there(chapter_08::high_for);
}
