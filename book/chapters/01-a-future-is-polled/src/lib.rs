//! Chapter 1: futures polled by hand, and `block_on`, from the standard library alone.

mod block_on;
mod countdown;
mod letter;

pub use block_on::block_on;
pub use countdown::Countdown;
pub use letter::{Address, Letter, letter};
