//! The folder that a reader's steps are in, each a package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use super::definition::code;
use super::growth::Growth;
use super::stub::UNWRITTEN;
use crate::programs;
use crate::shelf::{Chapter, Shelf};

/// The environment variable that names another folder than `mine` at the repository's root.
const FOLDER: &str = "LANEWAY_MINE";

/// The environment variable by which a step's test measures instead of checking.
const MEASURE: &str = "LANEWAY_MEASURE";

/// The folder of a reader's steps.
#[derive(Clone, Debug)]
pub struct Workshop<'a> {
    shelf: &'a Shelf,
    folder: PathBuf,
}

/// A step that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// The step that it goes on from.
    pub from: String,
}

/// A part of a step that is still to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The file, from the folder of all steps.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The name of the function or macro.
    pub name: String,
}

/// The files of a step's `src`, by their paths in it. Programs are none of them.
type Sources = BTreeMap<String, String>;

impl<'a> Workshop<'a> {
    /// The workshop of this repository, or the folder that `LANEWAY_MINE` names.
    #[must_use]
    pub fn of(shelf: &'a Shelf) -> Workshop<'a> {
        let folder = env::var_os(FOLDER).map(PathBuf::from);
        Workshop::at(shelf, folder.unwrap_or_else(|| shelf.path("mine")))
    }

    /// The workshop in this folder, which need not be there yet.
    #[must_use]
    pub fn at(shelf: &'a Shelf, folder: PathBuf) -> Workshop<'a> {
        Workshop { shelf, folder }
    }

    /// Where the reader's step of a chapter is, or would be.
    #[must_use]
    pub fn step(&self, chapter: &Chapter) -> PathBuf {
        self.folder.join(&chapter.folder)
    }

    /// Makes the reader's step of a chapter: from the reader's step before it, or else the book's.
    ///
    /// # Errors
    ///
    /// If there is one already, which stays as it is, or a file cannot be written.
    pub fn make(&self, chapter: &Chapter) -> Result<Made, String> {
        let step = self.step(chapter);
        if step.exists() {
            return Err(format!(
                "{} is there already, and stays as it is.\n\
                 To begin again, move that folder away or delete it, and run this once more",
                step.display()
            ));
        }
        self.write(chapter, &step).map_err(|error| {
            // A part of a step would look like one.
            let _ = fs::remove_dir_all(&step);
            format!("{}: {error}", step.display())
        })
    }

    fn write(&self, chapter: &Chapter, step: &Path) -> io::Result<Made> {
        let before = self.shelf.chapter(chapter.number - 1);
        let own = before
            .map(|before| self.step(before))
            .filter(|step| step.exists());
        let book = before.map(|before| self.shelf.path(&before.file("")));
        let after = self.shelf.path(&chapter.file(""));
        let from = match (&own, before) {
            (Some(own), _) => format!("your step in {}", own.display()),
            (None, Some(before)) => format!("the book's step {}", before.number),
            (None, None) => "nothing".to_owned(),
        };
        let base = own.as_deref().or(book.as_deref());
        let manifest = Manifest::read(&after)?;
        let grown = grown(&manifest, base, book.as_deref(), &after)?;
        for (file, text) in &grown {
            put(&step.join("src").join(file), &renamed(text, chapter))?;
        }
        self.write_programs(chapter, step)?;
        let test = self.conformance(chapter, &grown)?;
        put(&step.join("tests/conformance.rs"), &test)?;
        let own = own.map(|own| Manifest::read(&own)).transpose()?;
        let manifest = self.manifest(chapter, &manifest, own.as_ref());
        put(&step.join("Cargo.toml"), &manifest)?;
        self.furnish()?;
        format_step(step, grown.keys());
        Ok(Made {
            folder: step.to_owned(),
            from,
        })
    }

    /// The chapter's programs, but for those that show the book's bug and not the step.
    fn write_programs(&self, chapter: &Chapter, step: &Path) -> io::Result<()> {
        for program in programs::of(self.shelf, chapter)? {
            let name = program.name;
            let text = self
                .shelf
                .read(&chapter.file(&format!("src/bin/{name}.rs")))?;
            if !text.contains("broken.rs") {
                let file = step.join(format!("examples/{name}.rs"));
                put(&file, &renamed(&text, chapter))?;
            }
        }
        Ok(())
    }

    /// What all steps share: the workspace, the versions of the dependencies, the book's commands.
    fn furnish(&self) -> io::Result<()> {
        let manifest = self.folder.join("Cargo.toml");
        if manifest.exists() {
            return Ok(());
        }
        put(
            &manifest,
            "[workspace]\nmembers = [\"[0-9][0-9]-*\"]\nresolver = \"3\"\n",
        )?;
        fs::copy(
            self.shelf.path("Cargo.lock"),
            self.folder.join("Cargo.lock"),
        )?;
        // A text with spaces between the words, as in the repository's own: cargo joins lists.
        let book = self.shelf.path("book/Cargo.toml");
        let alias = format!(
            "run --quiet --manifest-path {} --bin chapter --",
            book.display()
        );
        let target = self.target();
        let config = format!("[alias]\nchapter = {alias:?}\n\n[build]\ntarget-dir = {target:?}\n");
        put(&self.folder.join(".cargo/config.toml"), &config)
    }

    /// Where cargo puts what it builds. Steps of the same name in two workshops are one package for
    /// cargo, so workshops must not share it: one's program could run as the other's.
    fn target(&self) -> PathBuf {
        match self.folder == self.shelf.path("mine") {
            true => self.shelf.path("target/mine"),
            false => self.folder.join("target"),
        }
    }

    /// The test that hands the step to the suite: the book's, for this package.
    fn conformance(&self, chapter: &Chapter, sources: &Sources) -> io::Result<String> {
        let book = self
            .shelf
            .read(&chapter.file("tests/chapter/conformance.rs"))?;
        let end = book
            .find("\nlaneway_conformance::conformance!")
            .unwrap_or(book.len());
        let (_, adapter) = book[..end].split_once('\n').unwrap_or_default();
        let mut adapter = adapter
            .replace("struct Step;", "struct Mine;")
            .replace("for Step", "for Mine");
        let has = |function: &str| sources.values().any(|text| text.contains(function));
        let package = chapter.package().replace('-', "_");
        if has("pub fn block_on") {
            let own = format!("{package}::block_on");
            adapter = adapter.replace("futures_lite::future::block_on", &own);
        }
        if has("pub fn letter") && !adapter.contains("fn letter") {
            let letter = self.letter_method()?.replace("chapter_01", &package);
            adapter = adapter.replacen("    fn spawn<F>", &format!("{letter}    fn spawn<F>"), 1);
        }
        let number = chapter.number;
        let text = format!(
            "//! Hands this step to the suite: `cargo chapter {number} check` runs it. Where a name or a\n\
             //! type of yours is another one than the book's, change it here.\n{adapter}\n\
             fn main() -> std::process::ExitCode {{\n    \
             laneway_conformance::report::<Mine>({number})\n}}\n"
        );
        Ok(renamed(&text, chapter))
    }

    /// The method that hands a step's letter to the suite. The book has it in chapter 1 alone, since
    /// its later steps have no letter; the reader's keep theirs.
    fn letter_method(&self) -> io::Result<String> {
        let first = self.shelf.chapter(1).map_or_else(String::new, |first| {
            first.file("tests/chapter/conformance.rs")
        });
        let text = self.shelf.read(&first)?;
        let begin = text.find("    fn letter").unwrap_or(text.len());
        let end = text[begin..].find("\n    }\n").map_or(0, |end| end + 7);
        Ok(format!("{}\n", &text[begin..begin + end]))
    }

    fn manifest(&self, chapter: &Chapter, book: &Manifest, own: Option<&Manifest>) -> String {
        let mut dependencies = own.map_or_else(Vec::new, |own| own.dependencies.clone());
        for line in &book.dependencies {
            let name = line.split('=').next().unwrap_or(line);
            if !dependencies.iter().any(|known| known.starts_with(name)) {
                dependencies.push(line.clone());
            }
        }
        let path = |name: &str| {
            let path = self.shelf.path(name);
            format!("{{ path = {path:?} }}")
        };
        let laneway = match book.needs_laneway {
            true => format!("laneway = {}\n", path("")),
            false => String::new(),
        };
        format!(
            "[package]\nname = \"mine-{:02}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             publish = false\n\n[lib]\ndoctest = false\n\n[dependencies]\n{}\n\
             # For the chapter's programs and checks.\n[dev-dependencies]\n{laneway}\
             laneway-book = {}\nlaneway-conformance = {}\n\n\
             [[test]]\nname = \"conformance\"\nharness = false\n\n\
             # While parts are to be written.\n[lints.rust]\n\
             dead_code = \"allow\"\nunused_imports = \"allow\"\nunused_mut = \"allow\"\nunused_variables = \"allow\"\n",
            chapter.number,
            dependencies
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
            path("book"),
            path("book/conformance"),
        )
    }

    /// What is still to be written in a step.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn unwritten(&self, chapter: &Chapter) -> io::Result<Vec<Unwritten>> {
        let sources = read_sources(&self.step(chapter))?;
        let in_file = |(file, text): (&String, &String)| {
            let places = unwritten_in(text).into_iter();
            let file = format!("{}/src/{file}", chapter.folder);
            places.map(move |(line, name)| Unwritten {
                file: file.clone(),
                line,
                name,
            })
        };
        Ok(sources.iter().flat_map(in_file).collect::<Vec<_>>())
    }

    /// The programs of a step that can record themselves, the chapter's first one first.
    ///
    /// # Errors
    ///
    /// If a program cannot be read.
    pub fn recorded(&self, chapter: &Chapter) -> io::Result<Vec<String>> {
        let mut recorded = Vec::new();
        for program in programs::of(self.shelf, chapter)? {
            let file = self
                .step(chapter)
                .join(format!("examples/{}.rs", program.name));
            // The reader may have deleted one. Those that show the book's bug are not there.
            let source = fs::read_to_string(file).unwrap_or_default();
            if source.contains("Recorder::from_args") {
                recorded.push(program.name);
            }
        }
        Ok(recorded)
    }

    /// Where a recording of a program of a step is kept, and where the page that plays it.
    ///
    /// # Errors
    ///
    /// If the folder of both cannot be made.
    pub fn replay(&self, chapter: &Chapter, program: &str) -> io::Result<(PathBuf, PathBuf)> {
        // Cargo runs the program elsewhere.
        let folder = std::path::absolute(self.step(chapter).join("replays"))?;
        fs::create_dir_all(&folder)?;
        let file = |kind: &str| folder.join(format!("{program}.{kind}"));
        Ok((file("json"), file("html")))
    }

    /// The command that measures the reader's step, and prints a line for each [`Figure`].
    ///
    /// [`Figure`]: super::Figure
    #[must_use]
    pub fn measure(&self, chapter: &Chapter) -> Command {
        let mut cargo = self.cargo("test", chapter);
        cargo.args(["--release", "--test", "conformance"]);
        cargo.env(MEASURE, "1");
        cargo
    }

    /// The command that measures Laneway in the same way.
    #[must_use]
    pub fn measure_laneway(&self) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.shelf.root);
        cargo.args(["run", "--quiet", "--release", "--package"]);
        cargo.args(["laneway-conformance", "--example", "laneway"]);
        cargo
    }

    /// Cargo, for the reader's step of a chapter: `cargo WORD --package mine-NN`.
    #[must_use]
    pub fn cargo(&self, word: &str, chapter: &Chapter) -> Command {
        let mut cargo = cargo();
        cargo
            .current_dir(&self.folder)
            // Before a folder that the reader has chosen for all that cargo builds.
            .env("CARGO_TARGET_DIR", self.target())
            .args([word, "--quiet", "--package"]);
        cargo.arg(format!("mine-{:02}", chapter.number));
        cargo
    }
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What a step needs to know of a `Cargo.toml`.
struct Manifest {
    /// The lines of its dependencies that are not from this repository.
    dependencies: Vec<String>,
    needs_laneway: bool,
    /// Files that the reader is given as they are.
    gives: Vec<String>,
    /// Files of the step before that the book does not go on with, and the reader does.
    keeps: Vec<String>,
}

impl Manifest {
    fn read(step: &Path) -> io::Result<Manifest> {
        let text = fs::read_to_string(step.join("Cargo.toml"))?;
        let section = text
            .split("\n[")
            .find_map(|part| part.strip_prefix("dependencies]\n"));
        let lines = section.unwrap_or_default().lines().map(str::trim);
        let is_dependency = |line: &&str| line.contains('=') && !line.starts_with('#');
        let all: Vec<&str> = lines.filter(is_dependency).collect();
        let (local, others): (Vec<&str>, Vec<&str>) =
            all.iter().partition(|it| it.contains("path ="));
        Ok(Manifest {
            dependencies: others.iter().map(|line| (*line).to_owned()).collect(),
            needs_laneway: local.iter().any(|line| line.starts_with("laneway =")),
            gives: list(&text, "gives"),
            keeps: list(&text, "keeps"),
        })
    }
}

/// The texts of a list such as `gives = ["src/count.rs"]`.
fn list(manifest: &str, name: &str) -> Vec<String> {
    let line = manifest
        .lines()
        .find(|line| line.starts_with(&format!("{name} = [")));
    let texts = line.unwrap_or_default().split('"').skip(1).step_by(2);
    texts.map(str::to_owned).collect()
}

/// The sources of the new step.
fn grown(
    manifest: &Manifest,
    base: Option<&Path>,
    before: Option<&Path>,
    after: &Path,
) -> io::Result<Sources> {
    let own = base.map_or_else(|| Ok(Sources::new()), read_sources)?;
    let before = before.map_or_else(|| Ok(Sources::new()), read_sources)?;
    let after = read_sources(after)?;
    let keeps: Vec<String> = manifest
        .keeps
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned())
        .collect();
    let mut grown = own.clone();
    grown.retain(|file, _| {
        let gone = before.contains_key(file) && !after.contains_key(file);
        !gone || manifest.keeps.contains(file)
    });
    for (file, after) in &after {
        let text = |sources: &Sources| sources.get(file).cloned().unwrap_or_default();
        let (own, before) = (text(&own), text(&before));
        let is_given = manifest.gives.contains(file) && own == before;
        let source = match is_given {
            true => after.clone(),
            false => {
                let growth = Growth {
                    own: &own,
                    before: &before,
                    after,
                    keeps: &keeps,
                };
                growth.source()
            }
        };
        grown.insert(file.clone(), source);
    }
    Ok(grown)
}

/// The sources of a step, the reader's or the book's.
fn read_sources(step: &Path) -> io::Result<Sources> {
    let mut sources = Sources::new();
    read_folder(&step.join("src"), "", &mut sources)?;
    Ok(sources)
}

fn read_folder(folder: &Path, prefix: &str, sources: &mut Sources) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "bin" {
            read_folder(&path, &format!("{prefix}{name}/"), sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(format!("{prefix}{name}"), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The lines where something is still to be written, each with the name of what it is in.
fn unwritten_in(source: &str) -> Vec<(usize, String)> {
    let code = code(source);
    let (mut owner, mut name) = (None, String::new());
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        if line.starts_with("impl") {
            owner = Some(owner_of(line));
        }
        if let Some(item) = item_of(line) {
            name = match &owner {
                Some(owner) if line.starts_with(' ') => format!("{owner}::{item}"),
                _ => item.to_owned(),
            };
        }
        if line.contains(UNWRITTEN) {
            found.push((number, name.clone()));
        }
    }
    found.dedup_by(|one, other| one.1 == other.1);
    found
}

/// The name of the item that a line begins, if it begins one that has code.
fn item_of(line: &str) -> Option<&str> {
    let (_, rest) = ["fn ", "macro_rules! ", "static ", "const "]
        .iter()
        .find_map(|keyword| line.split_once(keyword))?;
    let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// How the items of an implementation are called in a path, by the line that begins it.
fn owner_of(line: &str) -> String {
    let line = line.trim_start_matches("impl").trim_end_matches([' ', '{']);
    // A list of parameters stands before the type, and none of the book's nests.
    let line = match line.strip_prefix('<') {
        Some(rest) => rest.split_once('>').map_or(rest, |(_, rest)| rest),
        None => line,
    };
    match line.trim().split_once(" for ") {
        Some((implemented, owner)) => format!("<{owner} as {implemented}>"),
        None => line.trim().to_owned(),
    }
}

/// The package of a step has another name than the book's, and than that of the step before.
fn renamed(text: &str, chapter: &Chapter) -> String {
    let own = format!("mine_{:02}", chapter.number);
    let text = text.replace(&chapter.package().replace('-', "_"), &own);
    match chapter.number.checked_sub(1) {
        Some(before) => text.replace(&format!("mine_{before:02}"), &own),
        None => text,
    }
}

fn put(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().expect("a file is in a folder");
    fs::create_dir_all(folder)?;
    fs::write(file, text)
}

/// Lets rustfmt put lines where they belong. A step is as good without.
fn format_step<'a>(step: &Path, sources: impl Iterator<Item = &'a String>) {
    let files = sources.map(|file| step.join("src").join(file));
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--quiet"]).args(files);
    rustfmt.arg(step.join("tests/conformance.rs"));
    let _ = rustfmt.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_written_is_named_by_its_path() {
        let source = "fn free() {\n    HERE\n}\nimpl Builder {\n    fn run(self) {\n        HERE\n    }\n}\n\
            impl<T: Send> fmt::Debug for Task<T> {\n    fn fmt(&self) {\n        HERE\n    }\n}\n\
            macro_rules! join {\n    () => {\n        HERE\n    };\n    (a) => {\n        HERE\n    };\n}\n";
        let found = unwritten_in(&source.replace("HERE", &format!("{UNWRITTEN}\"\")")));
        let found: Vec<(usize, &str)> = found
            .iter()
            .map(|(line, name)| (*line, name.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (2, "free"),
                (6, "Builder::run"),
                (11, "<Task<T> as fmt::Debug>::fmt"),
                (16, "join"),
            ]
        );
    }
}
