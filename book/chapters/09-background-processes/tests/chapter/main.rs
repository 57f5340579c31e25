//! Chapter 9's tests.

// `broken.rs`, `exercise.rs` and `solution.rs` are written as parts of a library.
#![allow(unreachable_pub)]

mod broken;
mod conformance;
mod exercise;
mod predictions;
mod second;
mod step;
