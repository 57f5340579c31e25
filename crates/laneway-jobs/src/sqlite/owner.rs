//! Whether the former owner of a file lives, told by a lock that ends with its process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The knowledge of a store about other processes that have the file open.
#[derive(Debug)]
pub(super) enum Ownership {
    /// It has the lock, for as long as the file lives: a former owner is gone.
    Owner(#[expect(dead_code, reason = "the lock ends when it is dropped")] File),
    /// Another process lives and has the lock.
    Guest,
}

/// Tries to become the owner of a database.
pub(super) fn own(database: &Path) -> io::Result<Ownership> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock_of(database))?;
    match file.try_lock() {
        Ok(()) => Ok(Ownership::Owner(file)),
        Err(TryLockError::WouldBlock) => Ok(Ownership::Guest),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The path of the file that the owner of a database has locked.
pub(super) fn lock_of(database: &Path) -> PathBuf {
    beside(database, "-owner")
}

/// The path of a file that belongs to a database.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
