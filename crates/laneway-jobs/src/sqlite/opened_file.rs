//! The file of an open database, which has to stay in its place.
//!
//! A file that is deleted, moved or replaced stays open, and SQLite goes on to write to it: jobs
//! would be taken, and gone with the process.

use std::io;
use std::path::PathBuf;

use super::file_identity::FileIdentity;
use crate::store::StoreError;

/// The file that was opened at a path.
#[derive(Debug)]
pub(super) struct OpenedFile {
    path: PathBuf,
    identity: FileIdentity,
}

impl OpenedFile {
    /// The file at a path where one has just been opened.
    pub(super) fn at(path: PathBuf) -> io::Result<OpenedFile> {
        let identity = FileIdentity::of(&path)?;
        Ok(OpenedFile { path, identity })
    }

    /// An error where the path leads to another file by now, or to none.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        match FileIdentity::of(&self.path) {
            Ok(found) if found != self.identity => Err(self.lost("another file is in its place")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.lost("it was moved or deleted"))
            }
            // A look that fails for another reason says nothing about the file.
            _ => Ok(()),
        }
    }

    fn lost(&self, why: &str) -> StoreError {
        StoreError::Database(format!(
            "{} is not the file any more that was opened: {why}; put it back, or restart the \
             program",
            self.path.display()
        ))
    }
}
