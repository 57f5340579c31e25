//! The number that tells one holder of a job from all earlier ones.

use std::fmt;

/// The number of a claim. It comes from one counter that only grows, so that a later holder of the
/// same job has a higher one.
///
/// The store refuses every transition of an older holder. It cannot guard what handlers do
/// elsewhere: send (id, fence) along, and let the other side refuse a fence below one that it saw.
///
/// ```
/// use laneway_jobs::Fence;
///
/// assert!(Fence::new(8) > Fence::new(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(i64);

impl Fence {
    /// The fence of this number, as a store keeps it.
    #[must_use]
    pub fn new(number: i64) -> Fence {
        Fence(number)
    }

    /// Its number, which is above zero.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
