//! Where tests get at the statements: a mutant is one with another text.

use std::fmt;

/// Asked for the text of each statement of the store's own connections.
pub trait Probe: Send + Sync + fmt::Debug + 'static {
    /// The text with which a statement of this name is to be prepared. Default: its own.
    fn text(&self, name: &str, text: String) -> String {
        let _ = name;
        text
    }
}

/// The probe of a store that is not under test.
#[derive(Debug)]
pub(super) struct NoProbe;

impl Probe for NoProbe {}
