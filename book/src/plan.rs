//! The plan at each chapter's head: one drawing, of which a chapter shows what is built by then.
//!
//! `book/plan/wide.svg` and, for phones, `book/plan/narrow.svg` have all of it. A part is a group
//! that begins with a line `<g data-from="4">` and ends with a line `</g>`. It is drawn from that
//! chapter on, new in it and old in later ones. `data-until="6"` ends it before chapter 6;
//! `data-new="..."` says in the wide drawing what is new, for the caption, and `data-top="0"` where
//! the drawing begins from then on, so that there is no empty space above a small house.

use std::cmp::Ordering;

use crate::expand::escaped;

const WIDE: &str = include_str!("../plan/wide.svg");
const NARROW: &str = include_str!("../plan/narrow.svg");

/// The plan as of a chapter, in both forms, with a caption that says what is new in it.
#[must_use]
pub fn figure(chapter: u32) -> String {
    let (wide, narrow) = (state(WIDE, chapter), state(NARROW, chapter));
    let caption = caption(WIDE, chapter);
    format!(
        "\n<figure class=\"drawing plan\">\n<div class=\"wide\">\n{wide}</div>\n\
         <div class=\"narrow\">\n{narrow}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n\n"
    )
}

/// What a chapter adds, as its caption has it.
fn caption(svg: &str, chapter: u32) -> String {
    let mut news = svg.lines().filter_map(|line| {
        let part = Part::begins(line)?;
        let new = attribute(line, "data-new")?;
        (part.from == chapter).then_some(new)
    });
    let first = news.next().unwrap_or("nothing, a rest");
    let news = news.fold(first.to_owned(), |all, new| format!("{all}, {new}"));
    format!("The house so far. New: {}.", escaped(&news))
}

/// The lines of a drawing that a chapter shows.
fn state(svg: &str, chapter: u32) -> String {
    let mut shown = String::new();
    let mut open = None;
    for line in svg.lines().filter(|line| !line.is_empty()) {
        let begins = Part::begins(line);
        if begins.is_some() {
            open = begins;
        }
        match open.map(|part| part.as_of(chapter)) {
            None if line.starts_with("<svg ") => shown += &cropped(line, top(svg, chapter)),
            Some(Age::Absent) => {}
            Some(age) if begins.is_some() => shown += &format!("<g class=\"{}\">\n", age.class()),
            // An arrow's tip does not take the arrow's colour by itself.
            Some(Age::New) => shown += &format!("{}\n", line.replace("url(#", "url(#new-")),
            _ => shown += &format!("{line}\n"),
        }
        if line == "</g>" {
            open = None;
        }
    }
    shown
}

/// Where the highest part begins that a chapter shows.
fn top(svg: &str, chapter: u32) -> u32 {
    let parts = svg
        .lines()
        .filter_map(|line| Some((Part::begins(line)?, line)));
    let there = parts.filter(|(part, _)| part.as_of(chapter) != Age::Absent);
    let tops = there.filter_map(|(_, line)| attribute(line, "data-top")?.parse().ok());
    tops.min().unwrap_or(0)
}

/// The line that begins a drawing, without what is above `top`.
fn cropped(line: &str, top: u32) -> String {
    let view = attribute(line, "viewBox").expect("a drawing has its size");
    let sizes: Vec<u32> = view.split(' ').filter_map(|n| n.parse().ok()).collect();
    let [_, _, width, height] = sizes[..] else {
        panic!("`{view}` is no size of a drawing");
    };
    format!(
        "{}\n",
        line.replace(view, &format!("0 {top} {width} {}", height - top))
    )
}

/// A group of the drawing that comes with a chapter, and may go with another.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: u32,
    until: Option<u32>,
}

/// What a part is to a chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Absent,
    New,
    Old,
}

impl Part {
    fn begins(line: &str) -> Option<Part> {
        let number = |name| attribute(line, name)?.parse().ok();
        Some(Part {
            from: number("data-from")?,
            until: number("data-until"),
        })
    }

    fn as_of(self, chapter: u32) -> Age {
        let has_gone = self.until.is_some_and(|until| until <= chapter);
        match chapter.cmp(&self.from) {
            _ if has_gone => Age::Absent,
            Ordering::Less => Age::Absent,
            Ordering::Equal => Age::New,
            Ordering::Greater => Age::Old,
        }
    }
}

impl Age {
    fn class(self) -> &'static str {
        match self {
            Age::New => "new",
            Age::Absent | Age::Old => "old",
        }
    }
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWING: &str = "<svg>\n<g data-from=\"1\" data-new=\"a wall\">\n<a/>\n</g>\n\
        <g data-from=\"2\" data-until=\"4\">\n<b/>\n</g>\n</svg>\n";

    #[test]
    fn a_part_is_new_then_old_then_gone() {
        let parts = |chapter| state(DRAWING, chapter).replace('\n', "");
        assert_eq!(parts(1), "<svg><g class=\"new\"><a/></g></svg>");
        let two = "<svg><g class=\"old\"><a/></g><g class=\"new\"><b/></g></svg>";
        assert_eq!(parts(2), two);
        assert_eq!(parts(3), two.replace("new", "old"));
        assert_eq!(parts(4), "<svg><g class=\"old\"><a/></g></svg>");
    }

    #[test]
    fn there_is_no_empty_space_above_a_small_house() {
        let svg = "<svg viewBox=\"0 0 9 8\">\n<g data-from=\"1\" data-top=\"5\">\n</g>\n\
            <g data-from=\"2\" data-top=\"1\">\n</g>\n</svg>";
        assert!(state(svg, 1).starts_with("<svg viewBox=\"0 5 9 3\">"));
        assert!(state(svg, 2).starts_with("<svg viewBox=\"0 1 9 7\">"));
    }

    #[test]
    fn the_caption_says_what_is_new() {
        assert_eq!(caption(DRAWING, 1), "The house so far. New: a wall.");
    }

    #[test]
    fn both_forms_have_parts_of_the_same_chapters_and_every_chapter_of_part_one_adds_one() {
        let spans = |svg: &str| {
            let parts = svg.lines().filter_map(Part::begins);
            let mut spans: Vec<_> = parts.map(|part| (part.from, part.until)).collect();
            spans.sort_unstable();
            spans
        };
        assert_eq!(spans(WIDE), spans(NARROW));
        for chapter in 1..=9 {
            assert!(
                !caption(WIDE, chapter).contains("a rest"),
                "chapter {chapter}"
            );
        }
    }
}
