//! Measures the shipped runtime, to stand beside a reader's own in `cargo chapter N bench`: with two
//! threads for each queue and the same niceness for all, as the book's steps have.

#[path = "../tests/laneway.rs"]
mod tested;

fn main() {
    laneway_conformance::measure::<tested::Laneway>(laneway_conformance::LAST_CHAPTER);
}
