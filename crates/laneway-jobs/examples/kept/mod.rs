//! The place where an example keeps its jobs: a file that is named, one of its own that it removes,
//! or Postgres by `--postgres URL`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The place, by the arguments of the example.
#[derive(Debug)]
pub(crate) enum Kept {
    File(PathBuf),
    /// A file in a folder for this process, which goes with this value.
    Own(Folder),
    Postgres(String),
}

/// A folder of the process.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Kept {
    /// Reads the arguments, the program's name left out: a file, `--postgres` and an address, or
    /// nothing. `None`: they are others.
    pub(crate) fn of(arguments: Vec<OsString>, own: &str) -> Option<io::Result<Kept>> {
        let is_option = |argument: &OsString| argument.to_string_lossy().starts_with('-');
        Some(Ok(match &arguments[..] {
            [] => match Folder::new(own) {
                Ok(folder) => Kept::Own(folder),
                Err(error) => return Some(Err(error)),
            },
            [option, url] if option == "--postgres" => Kept::Postgres(url.to_str()?.to_owned()),
            [file] if !is_option(file) => Kept::File(file.into()),
            _ => return None,
        }))
    }
}

impl Folder {
    fn new(name: &str) -> io::Result<Folder> {
        let folder = std::env::temp_dir().join(format!("laneway-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }

    /// The file with the jobs.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("jobs.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the folder for such files, which the system empties in any case.
        let _ = fs::remove_dir_all(&self.0);
    }
}
