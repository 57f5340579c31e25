//! Renders the book: markdown from `laneway-book`, HTML by mdBook.
//!
//! mdBook sees nothing of the book's own directives. They are replaced before: what mdBook gets is
//! a folder of plain markdown, a table of contents, one style sheet and one script. So no interface
//! of mdBook's but "render this folder" is used.

mod highlight;
mod source;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use laneway::observe::replay;
use laneway_book::expand::{self, Page};
use laneway_book::shelf::{Shelf, TEXT};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

/// Renders the book into `to`, with a folder `to-pages` beside it for what mdBook is given.
///
/// # Errors
///
/// Each mistake in a chapter on a line of its own, or what mdBook or the disk says.
pub fn render(shelf: &Shelf, to: &Path) -> Result<(), Box<dyn Error>> {
    let staging = staging_for(to);
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    let sources = stage(shelf, &staging)?;
    let mut config: Config = include_str!("../theme/book.toml").parse()?;
    config.build.build_dir = to.to_owned();
    MDBook::load_with_config(&staging, config)?.build()?;
    for (file, chapters) in sources {
        source::write(shelf, &file, &chapters, to)?;
    }
    Ok(())
}

fn staging_for(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push("-pages");
    to.with_file_name(name)
}

/// The files that pages link to, each with the numbers of the chapters that do.
type Sources = BTreeMap<String, Vec<u32>>;

/// Writes what mdBook is given. Gives the files that the pages link to.
fn stage(shelf: &Shelf, to: &Path) -> Result<Sources, Box<dyn Error>> {
    let pages = to.join("src");
    fs::create_dir_all(&pages)?;
    fs::write(
        to.join("chapters.css"),
        include_str!("../theme/chapters.css"),
    )?;
    fs::write(to.join("chapters.js"), include_str!("../theme/chapters.js"))?;
    fs::write(to.join("replay.css"), replay::STYLE)?;
    fs::write(to.join("replay.js"), replay::SCRIPT)?;
    fs::write(pages.join("SUMMARY.md"), contents(shelf))?;
    fs::write(pages.join("glossary.md"), expand::glossary(shelf))?;

    let mut sources = Sources::new();
    for (text, name) in [(shelf.preface()?, TEXT), (shelf.read(THANKS)?, "thanks.md")] {
        let page = expand::preface(shelf, &text).map_err(listed)?;
        sources.extend(page.sources.into_iter().map(|file| (file, Vec::new())));
        fs::write(pages.join(name), page.markdown)?;
    }
    for chapter in &shelf.chapters {
        let page: Page = expand::chapter(shelf, chapter).map_err(listed)?;
        for file in page.sources {
            sources.entry(file).or_default().push(chapter.number);
        }
        let folder = pages.join(&chapter.folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(TEXT), page.markdown)?;
    }
    Ok(sources)
}

/// The appendix that says to whom the book owes what.
const THANKS: &str = "book/chapters/thanks.md";

fn listed(mistakes: Vec<laneway_book::Mistake>) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The first chapter of each part, and the part's title.
const PARTS: [(u32, &str); 3] = [
    (1, "Part I: Build it"),
    (10, "Part II: Make it hold"),
    (16, "Part III: Use it"),
];

/// The table of contents.
fn contents(shelf: &Shelf) -> String {
    let mut text = String::from("# Contents\n\n[Why, and how to read this book](README.md)\n\n");
    let mut part = "";
    for chapter in &shelf.chapters {
        let current = PARTS
            .iter()
            .rev()
            .find(|(first, _)| chapter.number >= *first);
        let current = current.map_or("", |(_, title)| title);
        if current != part {
            part = current;
            write!(text, "# {part}\n\n").expect("a string takes all");
        }
        let (number, title, folder) = (chapter.number, &chapter.title, &chapter.folder);
        let title = title.replace('`', "");
        writeln!(text, "- [{number}. {title}]({folder}/{TEXT})").expect("a string takes all");
    }
    text + "\n---\n\n[Glossary](glossary.md)\n\n[Thanks](thanks.md)\n"
}
