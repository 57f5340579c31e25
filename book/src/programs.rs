//! The chapters' programs: which there are, and what they print.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::order::Order;
use crate::shelf::{Chapter, Shelf};

/// A program of a chapter: a file in its `src/bin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What it is called, and its file without `.rs`.
    pub name: String,
    /// The first line of its docs.
    pub about: String,
}

/// The programs of a chapter, the one that `cargo chapter N` runs first.
///
/// # Errors
///
/// If the chapter's files cannot be read.
pub fn of(shelf: &Shelf, chapter: &Chapter) -> io::Result<Vec<Program>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(shelf.path(&chapter.file("src/bin")))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            programs.push(Program::read(&path)?);
        }
    }
    let default = default_run(&shelf.read(&chapter.file("Cargo.toml"))?);
    programs.sort_by_key(|program| {
        let first = default.as_ref() == Some(&program.name);
        (!first, program.name.clone())
    });
    Ok(programs)
}

fn default_run(manifest: &str) -> Option<String> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("default-run"))?;
    Some(line.trim_matches([' ', '=', '"']).to_owned())
}

impl Program {
    fn read(path: &Path) -> io::Result<Program> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = fs::read_to_string(path)?;
        let first = source.lines().next().unwrap_or_default();
        Ok(Program {
            name: name.into_owned(),
            about: first.trim_start_matches("//!").trim().to_owned(),
        })
    }
}

/// Builds the programs of all chapters, and gives the folder that they are in.
///
/// # Errors
///
/// What cargo says.
pub fn build_all(shelf: &Shelf) -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&shelf.root)
        .args(["build", "--quiet", "--bins"]);
    for chapter in &shelf.chapters {
        cargo.args(["--package", &chapter.package()]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // This runs as target/debug/deps/test-123 or as target/debug/program.
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().expect("a program is in a folder");
    Ok(match folder.ends_with("deps") {
        true => folder
            .parent()
            .expect("`deps` is in another folder")
            .to_owned(),
        false => folder.to_owned(),
    })
}

/// Runs a program and gives what it prints to its standard output.
///
/// # Errors
///
/// If it cannot be run, or fails.
pub fn run(folder: &Path, name: &str, args: &[&str]) -> Result<String, String> {
    let file = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let output = Command::new(&file)
        .args(args)
        .output()
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let printed = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    match output.status.success() {
        true => Ok(printed),
        false => Err(format!(
            "{name}: {}\n{printed}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// The last line of the transcript of a program that never ends: it is there to hang.
pub const HANGS: &str = "(nothing more: stopped after two seconds)\n";

/// Runs a program that may hang. After `patience` it is stopped, and what it has printed by then
/// gets [`HANGS`] for its last line.
///
/// # Errors
///
/// If it cannot be run, or fails.
pub fn run_watched(folder: &Path, name: &str, patience: Duration) -> Result<String, String> {
    let file = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(&file);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.map_err(|error| format!("{}: {error}", file.display()))?;
    let (printed, complaints) = (drained(child.stdout.take()), drained(child.stderr.take()));
    let hangs = !ends_within(&mut child, patience);
    let status = child.wait().map_err(|error| error.to_string())?;
    let printed = printed.recv().unwrap_or_default().replace("\r\n", "\n");
    match hangs || status.success() {
        true if hangs => Ok(printed + HANGS),
        true => Ok(printed),
        false => Err(format!(
            "{name}: {status}\n{printed}{}",
            complaints.recv().unwrap_or_default()
        )),
    }
}

/// Waits for a program to end. One that does not is killed.
fn ends_within(child: &mut Child, patience: Duration) -> bool {
    const LOOK: Duration = Duration::from_millis(10);
    let looks = patience.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        thread::sleep(LOOK);
    }
    // It may have ended just now; then there is nothing to kill.
    let _ = child.kill();
    false
}

/// All that a program writes to a pipe, read on a thread of its own so that the pipe never fills.
fn drained(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut pipe = pipe.expect("the program was given a pipe");
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    receiver
}

/// A program's transcript as it is kept, and the orders that it may print its lines in.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// What the page shows.
    pub text: String,
    /// What the program may print.
    pub order: Order,
    /// Whether there is an `.order` file.
    pub is_concurrent: bool,
}

impl Transcript {
    /// Reads `transcripts/NAME.txt` and, if it is there, `transcripts/NAME.order`.
    ///
    /// # Errors
    ///
    /// If there is no transcript.
    pub fn read(shelf: &Shelf, chapter: &Chapter, name: &str) -> Result<Transcript, String> {
        let file = Transcript::file(chapter, name);
        let text = shelf
            .read(&file)
            .map_err(|error| format!("{file}: {error}"))?;
        let order = shelf.read(&file.replace(".txt", ".order")).ok();
        Ok(Transcript {
            is_concurrent: order.is_some(),
            order: order.map_or_else(|| Order::exact(&text), |order| Order::parse(&order)),
            text,
        })
    }

    /// Whether the program is one that never ends.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.text.ends_with(HANGS)
    }

    /// Where a transcript is kept, from the repository's root.
    #[must_use]
    pub fn file(chapter: &Chapter, name: &str) -> String {
        chapter.file(&format!("transcripts/{name}.txt"))
    }
}
