//! Writing a recording to a file, and what can go wrong.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::recording::Recording;

/// Why a recording was not saved. Made by [`Recorder::save`](super::Recorder::save); the recorder
/// still holds the recording.
///
/// ```
/// use laneway::observe::Recorder;
///
/// let error = Recorder::new().save("no/such/folder/run.json").unwrap_err();
/// assert_eq!(error.path().to_str(), Some("no/such/folder/run.json"));
/// assert!(error.to_string().contains("the recording is kept"));
/// ```
#[derive(Debug)]
pub struct SaveError {
    path: PathBuf,
    obstacle: Obstacle,
}

#[derive(Debug)]
enum Obstacle {
    Extension,
    Io(io::Error),
}

impl SaveError {
    /// The path that was given. [`SaveError`] has an example.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.obstacle {
            Obstacle::Extension => write!(
                f,
                "cannot save a recording as {path:?}: end the name in .html (a replay page) or \
                 .json (a trace for ui.perfetto.dev)"
            ),
            Obstacle::Io(error) => write!(
                f,
                "cannot write {path:?}: {error}; the recording is kept and can be saved elsewhere"
            ),
        }
    }
}

impl Error for SaveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.obstacle {
            Obstacle::Extension => None,
            Obstacle::Io(error) => Some(error),
        }
    }
}

/// The format that a file's extension names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Page,
    Trace,
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "html" => Some(Format::Page),
            "json" => Some(Format::Trace),
            _ => None,
        }
    }
}

/// Writes a recording, which is made if there is somewhere to write it.
pub(super) fn save(path: &Path, recording: impl FnOnce() -> Recording) -> Result<(), SaveError> {
    let failed = |obstacle| SaveError {
        path: path.to_owned(),
        obstacle,
    };
    let format = Format::of(path).ok_or_else(|| failed(Obstacle::Extension))?;
    let file = File::create(path).map_err(|error| failed(Obstacle::Io(error)))?;
    let mut file = BufWriter::new(file);
    let recording = recording();
    let written = match format {
        Format::Page => recording.write_replay(&mut file),
        Format::Trace => recording.write_trace(&mut file),
    };
    written
        .and_then(|()| file.flush())
        .map_err(|error| failed(Obstacle::Io(error)))
}
