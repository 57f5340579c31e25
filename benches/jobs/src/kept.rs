//! The files that keep results, and the README that is made of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::figures::Figures;
use crate::marks::between_marks;
use crate::report;
use crate::section::Section;

/// The name of the marks between which the results stand.
const MARKS: &str = "results";

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file(section: Section) -> PathBuf {
    package().join(format!("results/{}.csv", section.name()))
}

/// Keeps the figures of a section.
pub(crate) fn keep(section: Section, figures: &Figures) -> io::Result<()> {
    fs::create_dir_all(package().join("results"))?;
    fs::write(file(section), figures.to_csv())
}

/// Puts the tables of all that is kept between the marks of the README.
pub(crate) fn render() -> io::Result<()> {
    let readme = package().join("README.md");
    let old = fs::read_to_string(&readme)?;
    let new = between_marks(&old, MARKS, &tables()?);
    let new = new.ok_or_else(|| io::Error::other("the README has no marks"))?;
    eprintln!("rewrote {}", readme.display());
    fs::write(readme, new)
}

fn tables() -> io::Result<String> {
    let mut all = Vec::new();
    for &section in Section::value_variants() {
        let file = file(section);
        if file.exists() {
            let figures = Figures::from_csv(&fs::read_to_string(&file)?);
            let wrong = || io::Error::other(format!("{} holds no figures", file.display()));
            all.push(report::section(section, &figures.ok_or_else(wrong)?));
        }
    }
    Ok(all.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_what_is_kept() {
        let text = fs::read_to_string(package().join("README.md")).expect("there is a README");
        let tables = tables().expect("the kept files hold figures");
        let anew = between_marks(&text, MARKS, &tables).expect("it has marks");
        assert!(
            text == anew,
            "the README is old: cargo run --release -- --render"
        );
    }
}
