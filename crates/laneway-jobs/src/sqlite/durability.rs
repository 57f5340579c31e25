//! The failures that a commit survives.

use std::fmt;

/// The failures that a commit in a file survives. It is set at opening and read back.
///
/// ```
/// use laneway_jobs::sqlite::Durability;
///
/// assert_eq!(Durability::default(), Durability::Full);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power: each commit waits for the disk.
    #[default]
    Full,
    /// The end of the process. After a loss of power the last commits may be missing, and the file
    /// is sound.
    Normal,
    /// The end of the process. A loss of power may destroy the file.
    Off,
}

impl Durability {
    /// The value of `PRAGMA synchronous`.
    pub(super) fn synchronous(self) -> i64 {
        match self {
            Durability::Full => 2,
            Durability::Normal => 1,
            Durability::Off => 0,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Full => "full",
            Durability::Normal => "normal",
            Durability::Off => "off",
        })
    }
}
