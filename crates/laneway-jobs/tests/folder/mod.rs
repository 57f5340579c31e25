//! A folder for the files of one test.

use std::fs;
use std::path::PathBuf;

/// An empty folder, which is gone at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // It is there only if an earlier process of that number was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
