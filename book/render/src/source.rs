//! The pages of the source files that the book links to, line by line.

use std::fs;
use std::io;
use std::path::Path;

use laneway_book::expand::escaped;
use laneway_book::shelf::Shelf;

/// Writes the page of a file of the repository into the rendered book.
pub(crate) fn write(shelf: &Shelf, file: &str, book: &Path) -> io::Result<()> {
    let page = book.join("source").join(format!("{file}.html"));
    let folder = page.parent().expect("a page is in a folder");
    fs::create_dir_all(folder)?;
    fs::write(page, html(file, &shelf.read(file)?))
}

fn html(file: &str, text: &str) -> String {
    let home = "../".repeat(file.matches('/').count() + 1);
    let style = include_str!("../theme/source.css");
    let name = escaped(file);
    let lines: String = (1..).zip(text.lines()).map(|(n, l)| line(n, l)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         <p><a href=\"{home}index.html\">Laneway: the book</a></p>\n\
         <h1>{name}</h1>\n<pre>{lines}</pre>\n</body>\n</html>\n"
    )
}

fn line(number: usize, text: &str) -> String {
    let shown = escaped(text);
    let shown = match text.trim_start().starts_with("//") {
        true => format!("<span class=\"comment\">{shown}</span>"),
        false => shown,
    };
    format!(
        "<span class=\"line\" id=\"L{number}\"><a href=\"#L{number}\">{number}</a>{shown}</span>"
    )
}
