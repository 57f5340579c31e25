//! A folder for files that are not kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder that goes with its owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new folder in this one.
    pub(crate) fn within(parent: &Path) -> io::Result<Folder> {
        let name = format!("laneway-jobs-bench-{}", std::process::id());
        let folder = parent.join(name);
        fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }

    /// The path of a file that is not there yet.
    pub(crate) fn file(&self, name: &str) -> io::Result<String> {
        let folder = self.0.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        let file = folder.join("jobs.db");
        let file = file.to_str().map(str::to_owned);
        file.ok_or_else(|| io::Error::other("the name of the folder is no text"))
    }

    /// Removes such a file and what lies beside it.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_dir_all(self.0.join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is a folder for temporary files: what cannot be removed is no matter.
        let _ = fs::remove_dir_all(&self.0);
    }
}
