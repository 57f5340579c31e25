//! The reader's own steps: `cargo chapter N mine` makes one, `cargo chapter N check` checks it.
//!
//! A step is made from the one before it, which the reader has built or else the book has, and from
//! the change that chapter N makes to the book's own step. A source is taken apart into definitions
//! (`definition.rs`) and imports (`import.rs`). Public definitions that are new or changed come
//! without their bodies (`stub.rs`), at their place in the reader's source (`growth.rs`). The folder
//! that all steps of a reader are in is the matter of `workshop.rs`. Steps can be measured
//! (`figures.rs`).

mod definition;
mod figures;
mod growth;
mod import;
mod stub;
mod workshop;

pub use figures::{Figure, table};
pub use workshop::{Made, Unwritten, Workshop};
