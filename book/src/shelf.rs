//! The chapters as they lie on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Mistake;
use crate::text::{self, Piece};

/// The name of the file that a chapter's text is in.
pub const TEXT: &str = "README.md";

/// All chapters, in order.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// The repository's root.
    pub root: PathBuf,
    /// The chapters, by their numbers.
    pub chapters: Vec<Chapter>,
}

/// One chapter.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// Its number, from its folder's name.
    pub number: u32,
    /// Its folder's name, such as `02-one-queue`.
    pub folder: String,
    /// What its first heading says.
    pub title: String,
    /// Its text, as it is in `README.md`.
    pub text: String,
}

impl Shelf {
    /// Reads the chapters of this repository.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a folder's name does not begin with two digits and a dash.
    pub fn open() -> io::Result<Shelf> {
        let book = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = book.parent().expect("the book is a folder of a repository");
        let mut chapters = Vec::new();
        for entry in fs::read_dir(book.join("chapters"))? {
            let path = entry?.path();
            if path.is_dir() {
                chapters.push(Chapter::read(&path)?);
            }
        }
        chapters.sort_by_key(|chapter| chapter.number);
        Ok(Shelf {
            root: root.to_owned(),
            chapters,
        })
    }

    /// The chapter of this number.
    #[must_use]
    pub fn chapter(&self, number: u32) -> Option<&Chapter> {
        self.chapters
            .iter()
            .find(|chapter| chapter.number == number)
    }

    /// Where a file of the repository is on disk.
    #[must_use]
    pub fn path(&self, from_root: &str) -> PathBuf {
        self.root.join(from_root)
    }

    /// A file of the repository.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(&self, from_root: &str) -> io::Result<String> {
        fs::read_to_string(self.path(from_root))
    }

    /// A file of the repository as it is kept: what a reader has changed in an exercise and not
    /// committed is not in it. Any other file is as it lies on disk.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read_kept(&self, from_root: &str) -> io::Result<String> {
        let shown = self.read(from_root)?;
        if !is_an_exercise(from_root) {
            return Ok(shown);
        }
        let mut git = Command::new("git");
        let git = git
            .current_dir(&self.root)
            .args(["show", &format!("HEAD:./{from_root}")]);
        // Where there is no repository, such as in an archive, what lies there is all there is.
        match git.output() {
            Ok(output) if output.status.success() => {
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            _ => Ok(shown),
        }
    }

    /// The text of the page before the first chapter.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn preface(&self) -> io::Result<String> {
        self.read("book/chapters/README.md")
    }
}

/// Whether a reader solves an exercise in this file.
fn is_an_exercise(from_root: &str) -> bool {
    let (folder, name) = from_root.rsplit_once('/').unwrap_or_default();
    ["exercise.rs", "second.rs"].contains(&name) && !folder.ends_with("tests/chapter")
}

impl Chapter {
    fn read(path: &Path) -> io::Result<Chapter> {
        let folder = path.file_name().unwrap_or_default().to_string_lossy();
        let number = folder
            .split_once('-')
            .filter(|(digits, _)| digits.len() == 2)
            .and_then(|(digits, _)| digits.parse().ok())
            .ok_or_else(|| {
                io::Error::other(format!("{folder}: a chapter's folder is named NN-name"))
            })?;
        let text = fs::read_to_string(path.join(TEXT))
            .map_err(|error| io::Error::new(error.kind(), format!("{folder}/{TEXT}: {error}")))?;
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        Ok(Chapter {
            number,
            title: title.unwrap_or(&folder).to_owned(),
            folder: folder.into_owned(),
            text,
        })
    }

    /// The path of one of its files from the repository's root.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        format!("book/chapters/{}/{name}", self.folder)
    }

    /// The name of its package.
    #[must_use]
    pub fn package(&self) -> String {
        format!("chapter-{:02}", self.number)
    }

    /// Its text, taken apart.
    ///
    /// # Errors
    ///
    /// The first directive that makes no sense.
    pub fn pieces(&self) -> Result<Vec<(usize, Piece)>, Mistake> {
        text::parse(&self.text).map_err(|(line, what)| self.mistake(line, what))
    }

    /// A mistake in its text.
    pub fn mistake(&self, line: usize, what: impl Into<String>) -> Mistake {
        Mistake {
            file: self.file(TEXT),
            line,
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, args: &[&str]) {
        let mut git = Command::new("git");
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let status = git.current_dir(folder).args(identity).args(args).status();
        assert!(status.expect("git runs").success(), "{args:?}");
    }

    #[test]
    fn a_solved_exercise_is_read_as_it_was_set() {
        let root = std::env::temp_dir().join(format!("laneway-shelf-{}", std::process::id()));
        fs::create_dir_all(root.join("a")).unwrap();
        let shelf = Shelf {
            root: root.clone(),
            chapters: Vec::new(),
        };
        fs::write(root.join("a/exercise.rs"), "set").unwrap();
        fs::write(root.join("a/second.rs"), "set").unwrap();
        fs::write(root.join("a/lib.rs"), "before").unwrap();
        assert_eq!(
            shelf.read_kept("a/exercise.rs").unwrap(),
            "set",
            "no repository"
        );
        git(&root, &["init", "--quiet"]);
        git(&root, &["add", "."]);
        git(&root, &["commit", "--quiet", "-m", "a"]);
        fs::write(root.join("a/exercise.rs"), "solved").unwrap();
        fs::write(root.join("a/second.rs"), "solved").unwrap();
        fs::write(root.join("a/lib.rs"), "after").unwrap();
        assert_eq!(shelf.read_kept("a/exercise.rs").unwrap(), "set");
        assert_eq!(shelf.read_kept("a/second.rs").unwrap(), "set");
        assert_eq!(shelf.read_kept("a/lib.rs").unwrap(), "after");
        fs::remove_dir_all(root).unwrap();
    }
}
