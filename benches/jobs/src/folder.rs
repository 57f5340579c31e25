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
        self.remove(name)?;
        let folder = self.0.join(name);
        fs::create_dir(&folder)?;
        let file = folder.join("jobs.db");
        let file = file.to_str().map(str::to_owned);
        file.ok_or_else(|| io::Error::other("the name of the folder is no text"))
    }

    /// Removes such a file, if it is there, and what lies beside it.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is a folder for temporary files: what cannot be removed is no matter.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_never_made_can_be_removed() {
        let folder = Folder::within(&std::env::temp_dir()).expect("there is room");
        folder.remove("round").expect("there is nothing to remove");
        let first = folder.file("round").expect("there is room");
        fs::write(&first, "jobs").expect("there is room");
        assert_eq!(folder.file("round").expect("there is room"), first);
        assert!(!Path::new(&first).exists());
    }
}
