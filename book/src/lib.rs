//! What the book's chapters are run, checked and prepared for rendering with.
//!
//! A chapter is a folder in `book/chapters/`, and a package of its own. Its text is a `README.md`
//! with a few directives in it; `book/WRITING.md` tells how to write one. This crate finds the
//! chapters ([`shelf`]), takes their texts apart ([`text`]), fetches what a directive asks for
//! ([`mod@reference`], [`item`], [`diff`]), and puts plain markdown together ([`expand`]). It runs the
//! chapters' programs ([`programs`]) and tells whether what they print is one of the orders that
//! the chapter allows ([`order`]). Readers build their own steps with [`mine`], and play what they record
//! with [`mod@replay`]. Chapters' own tests use [`check`], their
//! programs [`record`].
//!
//! It needs nothing but the standard library, so that it costs the workspace little to build. The
//! package `laneway-book-render` brings the renderer.

pub mod check;
pub mod diff;
pub mod expand;
pub mod item;
pub mod mine;
pub mod order;
pub mod plan;
pub mod programs;
pub mod prose;
pub mod record;
pub mod reference;
pub mod replay;
pub mod shelf;
pub mod text;

use std::fmt;

/// Something in a chapter that its author has to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, by its path from the repository's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for Mistake {}
