//! The file that a path leads to: another one may take its place while it is open.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file, whatever its name is. No other file is the same while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    number: u64,
}

impl FileIdentity {
    /// The file that a path leads to now.
    pub(super) fn of(path: &Path) -> io::Result<FileIdentity> {
        let found = std::fs::metadata(path)?;
        Ok(FileIdentity {
            device: found.dev(),
            number: found.ino(),
        })
    }
}
