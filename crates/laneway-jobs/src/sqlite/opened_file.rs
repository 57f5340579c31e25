//! The files of an open database, which have to stay in their places.
//!
//! A file that is deleted, moved or replaced stays open, and SQLite goes on to write to it: jobs
//! would be taken, and gone with the process. That holds for the database and for the two files
//! that SQLite keeps beside it while it is open, the log and the log's index. The file that the
//! owner has locked has to stay as well: without it the next opening takes the owner for dead.

use std::io;
use std::path::PathBuf;

use super::file_identity::FileIdentity;
use super::owner::beside;
use crate::store::StoreError;

/// A file, and where it was opened.
#[derive(Debug)]
struct Placed {
    path: PathBuf,
    identity: FileIdentity,
}

/// The files that were opened by the path of a database.
#[derive(Debug)]
pub(super) struct OpenedFile {
    database: Placed,
    beside: Vec<Placed>,
}

impl OpenedFile {
    /// The files at a path where a database has just been opened, and read.
    pub(super) fn at(path: PathBuf) -> io::Result<OpenedFile> {
        let beside = ["-wal", "-shm"].map(|ending| Placed::at(beside(&path, ending)));
        Ok(OpenedFile {
            beside: beside.into_iter().flatten().collect(),
            database: Placed::at(path)?,
        })
    }

    /// From now on the file that tells of the owner has to stay as well.
    pub(super) fn guard_lock(&mut self, lock: PathBuf) -> io::Result<()> {
        self.beside.push(Placed::at(lock)?);
        Ok(())
    }

    /// An error where a path leads to another file by now, or to none.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        self.database.check()?;
        self.beside.iter().try_for_each(Placed::check)
    }
}

impl Placed {
    fn at(path: PathBuf) -> io::Result<Placed> {
        let identity = FileIdentity::of(&path)?;
        Ok(Placed { path, identity })
    }

    fn check(&self) -> Result<(), StoreError> {
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
