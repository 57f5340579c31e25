//! Puts a chapter's page together: plain markdown and HTML, with everything fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::programs::Transcript;
use crate::reference::{Excerpt, Reference};
use crate::shelf::{Chapter, Shelf};
use crate::text::{Kind, Piece, Replay};
use crate::{Mistake, diff, item, plan, prose, record};

/// A page to be rendered.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its markdown.
    pub markdown: String,
    /// The files of the repository that it links to, which get a page of their own each.
    pub sources: BTreeSet<String>,
}

/// Puts the page of a chapter together.
///
/// # Errors
///
/// Everything that a directive or a link asks for and is not there.
pub fn chapter(shelf: &Shelf, chapter: &Chapter) -> Result<Page, Vec<Mistake>> {
    let pieces = chapter.pieces().map_err(|mistake| vec![mistake])?;
    let mut expansion = Expansion {
        shelf,
        folder: chapter.file(""),
        chapter: Some(chapter),
        page: Page::default(),
        part: Part::Text,
    };
    let mut mistakes = Vec::new();
    for (line, piece) in &pieces {
        if let Err(what) = expansion.piece(piece) {
            mistakes.push(chapter.mistake(*line, what));
        }
        if matches!(piece, Piece::Prose(text) if text.starts_with("# ")) {
            expansion.byline(chapter, &pieces);
        }
    }
    match mistakes.is_empty() {
        true => Ok(expansion.page),
        false => Err(mistakes),
    }
}

/// Puts the page together that stands before the first chapter.
///
/// # Errors
///
/// Every link that leads nowhere.
pub fn preface(shelf: &Shelf, text: &str) -> Result<Page, Vec<Mistake>> {
    let folder = "book/chapters/".to_owned();
    let mut page = Page::default();
    let mut mistakes = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match linked(shelf, &folder, line, &mut page.sources) {
            Ok(line) => page.markdown += &format!("{line}\n"),
            Err(what) => mistakes.push(Mistake {
                file: format!("{folder}README.md"),
                line: number,
                what,
            }),
        }
    }
    match mistakes.is_empty() {
        true => Ok(page),
        false => Err(mistakes),
    }
}

/// The glossary: what the chapters' `glossary.md` files say, in alphabetical order.
#[must_use]
pub fn glossary(shelf: &Shelf) -> String {
    let mut entries = BTreeMap::new();
    for chapter in &shelf.chapters {
        for (word, meaning) in definitions(shelf, chapter) {
            let place = format!("{}/index.html#{}", chapter.folder, word_id(&word));
            let entry = format!(
                "**{word}**: {meaning} ([chapter {}]({place}))\n\n",
                chapter.number
            );
            entries.insert(word.to_lowercase(), entry);
        }
    }
    let entries: String = entries.into_values().collect();
    format!(
        "# Glossary\n\nEach word, what it is called elsewhere, and the chapter that first uses it.\n\n{entries}"
    )
}

/// The words that a chapter defines in its `glossary.md`, a paragraph each.
#[must_use]
pub fn definitions(shelf: &Shelf, chapter: &Chapter) -> Vec<(String, String)> {
    let text = shelf.read(&chapter.file("glossary.md")).unwrap_or_default();
    let entry = |paragraph: &str| {
        let rest = paragraph.trim().strip_prefix("**")?;
        let (word, meaning) = rest.split_once("**: ")?;
        Some((word.to_owned(), meaning.replace('\n', " ")))
    };
    text.split("\n\n").filter_map(entry).collect()
}

fn word_id(word: &str) -> String {
    format!("word-{}", prose::slug(word))
}

/// Where in a prediction the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text,
    Prediction,
    AnswerBegins,
    Answer,
}

struct Expansion<'a> {
    shelf: &'a Shelf,
    /// The text's folder from the repository's root, with a slash at its end.
    folder: String,
    chapter: Option<&'a Chapter>,
    page: Page,
    part: Part,
}

impl Expansion<'_> {
    fn piece(&mut self, piece: &Piece) -> Result<(), String> {
        match piece {
            Piece::Prose(line) => self.prose(line)?,
            Piece::Fence { language, body } => self.push(&fenced(language, body)),
            Piece::Listing(reference) => self.listing(reference)?,
            Piece::Diff(old, new) => self.diff(old, new)?,
            Piece::Transcript(name) => self.transcript(name)?,
            Piece::Figure(file, caption) => self.figure(file, caption)?,
            Piece::Replay(replay) => self.replay(replay)?,
            Piece::Open(kind) => self.open(kind),
            Piece::Answer => {
                self.part = Part::AnswerBegins;
                self.push("\n<details><summary>Show the answer</summary>\n\n");
            }
            Piece::Close => self.close(),
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.page.markdown.push_str(text);
    }

    fn chapter(&self) -> &Chapter {
        self.chapter.expect("a chapter's text is being expanded")
    }

    fn byline(&mut self, chapter: &Chapter, pieces: &[(usize, Piece)]) {
        let (words, minutes) = prose::count(pieces);
        let sittings = match prose::sittings(pieces).count() {
            1 => "",
            _ => " in two sittings",
        };
        let line = format!(
            "\n<p class=\"byline\">Chapter {number}: {words} words{sittings}, {minutes} minutes. \
             Run it: <code>cargo chapter {number}</code></p>\n",
            words = grouped(words as u128),
            number = chapter.number
        );
        self.push(&line);
        self.push(&plan::figure(chapter.number));
    }

    fn prose(&mut self, line: &str) -> Result<(), String> {
        if self.part == Part::AnswerBegins && !line.trim().is_empty() {
            self.part = Part::Answer;
            // Shown as it is compared with the choices.
            let answer = escaped(&line.replace('`', ""));
            self.push(&format!("<p class=\"answer\">{answer}</p>\n"));
            return Ok(());
        }
        let line = linked(self.shelf, &self.folder, line, &mut self.page.sources)?;
        self.push(&defined(&line));
        self.push("\n");
        Ok(())
    }

    fn listing(&mut self, reference: &Reference) -> Result<(), String> {
        let excerpt = reference.resolve(self.shelf, self.chapter())?;
        let caption = self.source_link(&excerpt);
        let language = match Path::new(&excerpt.file).extension() {
            Some(extension) if extension == "rs" => "rust,noplayground",
            Some(extension) if extension == "toml" => "toml",
            _ => "text",
        };
        self.push(&captioned(
            "listing",
            &caption,
            &fenced(language, &excerpt.text),
        ));
        Ok(())
    }

    fn diff(&mut self, old: &Reference, new: &Reference) -> Result<(), String> {
        let before = old.resolve(self.shelf, self.chapter())?;
        let after = new.resolve(self.shelf, self.chapter())?;
        let change = diff::unified(&before.text, &after.text);
        if change.is_empty() {
            return Err("nothing has changed".to_owned());
        }
        let (from, to) = (self.source_link(&before), self.source_link(&after));
        let caption = format!("from {from} to {to}");
        self.push(&captioned("diff", &caption, &fenced("diff", &change)));
        Ok(())
    }

    fn transcript(&mut self, name: &str) -> Result<(), String> {
        let chapter = self.chapter();
        let transcript = Transcript::read(self.shelf, chapter, name)?;
        let program = chapter.file(&format!("src/bin/{name}.rs"));
        let mut caption = format!(
            "<code>cargo chapter {} {name}</code> (<a href=\"../source/{program}.html\">source</a>)",
            chapter.number
        );
        if transcript.is_concurrent {
            caption += match transcript.order.count() {
                Some(1) => String::new(),
                Some(count) => format!(", one of {} orders that can occur", grouped(count)),
                None => ", one of many orders that can occur".to_owned(),
            }
            .as_str();
        }
        self.page.sources.insert(program);
        let text = fenced("text", &transcript.text);
        let class = match transcript.hangs() {
            true => "transcript hangs",
            false => "transcript",
        };
        self.push(&captioned(class, &caption, &text));
        Ok(())
    }

    /// A drawing, and beside it the form for phones, if `NAME-narrow.svg` is there.
    fn figure(&mut self, file: &str, caption: &str) -> Result<(), String> {
        let file = format!("{}{file}", self.folder);
        let svg = self.shelf.read(&file).map_err(|e| format!("{file}: {e}"))?;
        let drawing = match self.shelf.read(&file.replace(".svg", "-narrow.svg")) {
            Err(_) => without_blanks(&svg),
            Ok(narrow) => format!(
                "<div class=\"wide\">\n{}</div>\n<div class=\"narrow\">\n{}</div>\n",
                without_blanks(&svg),
                without_blanks(&narrow)
            ),
        };
        let caption = escaped(caption);
        self.push(&format!(
            "\n<figure class=\"drawing\">\n{drawing}<figcaption>{caption}</figcaption>\n\
             </figure>\n\n"
        ));
        Ok(())
    }

    /// The element that the replay page's script turns into a player, with the lines that the
    /// program printed.
    fn replay(&mut self, replay: &Replay) -> Result<(), String> {
        let chapter = self.chapter();
        let transcript = Transcript::read(self.shelf, chapter, &replay.name)?;
        let file = format!("{}replays/{}.json", self.folder, replay.name);
        let recording = self.shelf.read(&file).map_err(|e| format!("{file}: {e}"))?;
        let from = replay.from.as_deref().unwrap_or_default();
        if !from.is_empty() && !transcript.text.lines().any(|line| line.trim() == from) {
            return Err(format!("{} does not print `{from}`", replay.name));
        }
        let colours = record::colours(&recording);
        for place in record::places(&recording) {
            self.page.sources.insert(place);
        }
        let lines = transcript.text.lines();
        let lines: String = lines
            .map(|line| format!("<li>{}</li>\n", escaped(line)))
            .collect();
        self.push(&format!(
            "\n<figure class=\"replay\">\n<figcaption>{caption}</figcaption>\n\
             <div class=\"laneway-replay\" data-compact data-axis=\"{axis}\" data-names \
             data-colours=\"{colours}\" data-from=\"{from}\" \
             data-source=\"../source/{{file}}.html#L{{line}}\">\n\
             <script type=\"application/json\">\n{recording}</script>\n</div>\n\
             <ol class=\"printed\" aria-label=\"What the program has printed by then\">\n{lines}</ol>\n\
             </figure>\n\n",
            caption = escaped(&replay.caption),
            axis = replay.axis.name(),
            from = escaped(from),
        ));
        Ok(())
    }

    fn open(&mut self, kind: &Kind) {
        let (class, title) = match kind {
            Kind::Predict(_) => ("predict", "Predict before you run"),
            Kind::Exercise => ("exercise", "Exercise"),
            Kind::Broken => ("broken", "Break it first"),
            Kind::Note => ("note", "Aside"),
        };
        if let Kind::Predict(_) = kind {
            self.part = Part::Prediction;
        }
        self.push(&format!(
            "\n<div class=\"box {class}\">\n<p class=\"box-title\">{title}</p>\n\n"
        ));
    }

    fn close(&mut self) {
        if self.part == Part::Answer {
            self.push("\n</details>\n");
        }
        self.part = Part::Text;
        self.push("\n</div>\n\n");
    }

    /// A link to the page of a source file, for a caption.
    fn source_link(&mut self, excerpt: &Excerpt) -> String {
        self.page.sources.insert(excerpt.file.clone());
        let (file, line) = (&excerpt.file, excerpt.line);
        let name = file.strip_prefix("book/chapters/").unwrap_or(file);
        format!("<a href=\"../source/{file}.html#L{line}\">{name}</a>")
    }
}

/// A drawing as HTML, which a blank line would end.
fn without_blanks(svg: &str) -> String {
    let lines = svg.lines().filter(|line| !line.trim().is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The number of lines from which on a block may go over two pages on paper.
const LONG: usize = 36;

fn captioned(class: &str, caption: &str, block: &str) -> String {
    let long = match block.lines().count() < LONG {
        true => "",
        false => " long",
    };
    format!(
        "\n<figure class=\"{class}{long}\">\n<figcaption>{caption}</figcaption>\n\n{block}\n</figure>\n\n"
    )
}

fn fenced(language: &str, body: &str) -> String {
    // A listing may have fences in its docs.
    format!("`````{language}\n{body}`````\n")
}

/// Replaces bold by what marks a definition.
fn defined(line: &str) -> String {
    let mut shown = String::new();
    for (index, part) in line.split("**").enumerate() {
        match index % 2 {
            0 => shown.push_str(part),
            _ => {
                let id = word_id(part);
                write!(shown, "<dfn id=\"{id}\">{part}</dfn>").expect("a string takes all");
            }
        }
    }
    shown
}

/// Leads the links of a line that mean files of the repository to the pages of those files.
fn linked(
    shelf: &Shelf,
    folder: &str,
    line: &str,
    sources: &mut BTreeSet<String>,
) -> Result<String, String> {
    let mut shown = line.to_owned();
    for target in prose::links(line) {
        if let Link::Source(file, fragment) = resolve_link(folder, target) {
            let text = shelf.read(&file);
            let text = text.map_err(|_| format!("a link to {file}, which is not there"))?;
            let place = match fragment.as_str() {
                "" => String::new(),
                name => {
                    let lines = item::find(&text, name)
                        .ok_or_else(|| format!("there is no `{name}` in {file}"))?;
                    format!("#L{}", lines.start + 1)
                }
            };
            let up = "../".repeat(folder.matches('/').count() - 2);
            let page = format!("]({up}source/{file}.html{place})");
            shown = shown.replace(&format!("]({target})"), &page);
            sources.insert(file);
        }
    }
    // What mdBook makes of a `README.md`; it does not do that to links.
    Ok(shown
        .replace("README.md)", "index.html)")
        .replace("README.md#", "index.html#"))
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// To the net.
    Elsewhere,
    /// To a heading of the page of this folder from `book/chapters/`, or to its beginning.
    Page(String, String),
    /// To an item of a file of the repository, or to its beginning.
    Source(String, String),
}

/// Tells where a link leads that stands in a text of this folder.
#[must_use]
pub fn resolve_link(folder: &str, target: &str) -> Link {
    if target.contains("://") || target.starts_with("mailto:") {
        return Link::Elsewhere;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let fragment = fragment.to_owned();
    let pages = "book/chapters/";
    if path.is_empty() {
        let page = folder.strip_prefix(pages).unwrap_or(folder);
        return Link::Page(page.to_owned(), fragment);
    }
    let file = joined(folder, path);
    let page = file
        .strip_prefix(pages)
        .and_then(|rest| rest.strip_suffix("README.md"));
    match page {
        Some(page) => Link::Page(page.to_owned(), fragment),
        None => Link::Source(file, fragment),
    }
}

/// A relative path resolved, without looking at the disk.
fn joined(folder: &str, path: &str) -> String {
    let mut joined = PathBuf::new();
    for component in Path::new(folder).join(path).components() {
        match component {
            Component::ParentDir => {
                joined.pop();
            }
            other => joined.push(other),
        }
    }
    joined.to_string_lossy().replace('\\', "/")
}

/// A text as it may stand in HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A number with commas between its thousands.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_from_their_folder() {
        let folder = "book/chapters/02-one-queue/";
        let at = |target| resolve_link(folder, target);
        assert_eq!(at("https://example.org/a.rs"), Link::Elsewhere);
        assert_eq!(
            at("#here"),
            Link::Page("02-one-queue/".into(), "here".into())
        );
        assert_eq!(
            at("../01-a/README.md#x"),
            Link::Page("01-a/".into(), "x".into())
        );
        assert_eq!(
            at("../../../src/lib.rs#spawn"),
            Link::Source("src/lib.rs".into(), "spawn".into())
        );
        assert_eq!(
            at("src/lib.rs"),
            Link::Source(
                "book/chapters/02-one-queue/src/lib.rs".into(),
                String::new()
            )
        );
    }

    #[test]
    fn bold_words_are_definitions() {
        assert_eq!(
            defined("a **worker thread** is"),
            "a <dfn id=\"word-worker-thread\">worker thread</dfn> is"
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(210), "210");
    }
}
