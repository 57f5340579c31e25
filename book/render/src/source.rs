//! The pages of the source files that the book links to, line by line.

use std::fs;
use std::io;
use std::path::Path;

use laneway_book::expand::escaped;
use laneway_book::shelf::{Chapter, Shelf};

use crate::highlight;

/// Writes the page of a file of the repository into the rendered book, with links back to the
/// chapters that lead there.
pub(crate) fn write(shelf: &Shelf, file: &str, chapters: &[u32], book: &Path) -> io::Result<()> {
    let page = book.join("source").join(format!("{file}.html"));
    let folder = page.parent().expect("a page is in a folder");
    fs::create_dir_all(folder)?;
    let chapters = chapters.iter().filter_map(|number| shelf.chapter(*number));
    fs::write(page, html(file, &shelf.read_kept(file)?, chapters))
}

fn html<'a>(file: &str, text: &str, chapters: impl Iterator<Item = &'a Chapter>) -> String {
    let home = "../".repeat(file.matches('/').count() + 1);
    let style = include_str!("../theme/source.css");
    let name = escaped(file);
    let lines: String = (1..).zip(text.lines()).map(|(n, l)| line(n, l)).collect();
    let back: String = chapters.map(|chapter| link_back(&home, chapter)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         <nav><a href=\"{home}index.html\">Laneway: the book</a>{back}</nav>\n\
         <h1>{name}</h1>\n<pre>{lines}</pre>\n</body>\n</html>\n"
    )
}

fn link_back(home: &str, chapter: &Chapter) -> String {
    let (number, folder) = (chapter.number, &chapter.folder);
    let title = escaped(&chapter.title.replace('`', ""));
    format!(" <a class=\"back\" href=\"{home}{folder}/index.html\">{number}. {title}</a>")
}

fn line(number: usize, text: &str) -> String {
    let shown = highlight::line(text);
    format!(
        "<span class=\"line\" id=\"L{number}\"><a href=\"#L{number}\">{number}</a>{shown}</span>"
    )
}
