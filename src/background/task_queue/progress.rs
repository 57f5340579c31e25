//! The progress of a piece of work.

use std::sync::Arc;

/// How far a piece of work has come, as the work itself has
/// [reported](super::WorkContext::report) last.
///
/// ```
/// use laneway::background::Progress;
///
/// let none = Progress::default();
/// assert_eq!((none.fraction, &*none.text), (0.0, ""));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// From 0, nothing done, to 1, all done.
    pub fraction: f64,
    /// The stage of the work, in words.
    pub text: Arc<str>,
}

impl Progress {
    pub(super) fn new(fraction: f64, text: impl Into<Arc<str>>) -> Progress {
        let fraction = match fraction.is_nan() {
            true => 0.0,
            false => fraction.clamp(0.0, 1.0),
        };
        Progress {
            fraction,
            text: text.into(),
        }
    }
}
