//! What a text says to a person: its words, its headings, its links.

use crate::text::Piece;

/// Words a minute, of a person who reads to understand.
const READING_SPEED: usize = 200;

/// The lines of prose with their numbers, without code.
pub fn lines(pieces: &[(usize, Piece)]) -> impl Iterator<Item = (usize, String)> + '_ {
    pieces.iter().filter_map(|(line, piece)| match piece {
        Piece::Prose(text) => Some((*line, without_code(text))),
        Piece::Figure(_, caption) => Some((*line, caption.clone())),
        Piece::Replay(replay) => Some((*line, replay.caption.clone())),
        _ => None,
    })
}

/// A line without what stands between backticks, in tags, or in the targets of links.
fn without_code(line: &str) -> String {
    let mut rest = String::new();
    for (index, part) in line.split('`').enumerate() {
        // What was code leaves a mark, so that the words beside it stay apart.
        rest.push_str(if index % 2 == 0 { part } else { "0" });
    }
    let mut shown = String::new();
    let mut skipped_until = None;
    let mut before = ' ';
    for c in rest.chars() {
        match skipped_until {
            Some(end) if c == end => skipped_until = None,
            Some(_) => {}
            None if c == '(' && before == ']' => skipped_until = Some(')'),
            None if c == '<' => skipped_until = Some('>'),
            None => shown.push(c),
        }
        before = c;
    }
    shown
}

/// The words of a line: letters, with apostrophes and hyphens inside them split.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']))
        .map(|word| word.strip_suffix("'s").unwrap_or(word))
        .filter(|word| !word.is_empty())
}

/// How many words there are to read, and for how many minutes. Code in a line counts as a word.
#[must_use]
pub fn count(pieces: &[(usize, Piece)]) -> (usize, usize) {
    let words: usize = lines(pieces)
        .map(|(_, line)| {
            let is_word = |word: &&str| word.contains(char::is_alphanumeric);
            line.split_whitespace().filter(is_word).count()
        })
        .sum();
    (words, words.div_ceil(READING_SPEED))
}

/// The sittings of a text, which has one unless a heading begins another.
pub fn sittings(pieces: &[(usize, Piece)]) -> impl Iterator<Item = &[(usize, Piece)]> {
    let begins = |piece: &Piece| matches!(piece, Piece::Prose(text) if text.starts_with("## Second sitting"));
    pieces.chunk_by(move |_, (_, next)| !begins(next))
}

/// The targets of the links in a line of markdown.
pub fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// The words in bold of a line: those that are defined there.
pub fn bold(line: &str) -> impl Iterator<Item = &str> {
    line.split("**").skip(1).step_by(2)
}

/// The name that a heading gets, to be linked to.
#[must_use]
pub fn slug(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c => c.is_alphanumeric().then_some(c),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_targets_are_no_prose() {
        let line = "The [shipped `step`](../src/worker.rs#step) doesn't **park**<br> here.";
        let line = without_code(line);
        let found: Vec<&str> = words(&line).collect();
        assert_eq!(found, ["The", "shipped", "doesn't", "park", "here"]);
        assert_eq!(bold(&line).collect::<Vec<_>>(), ["park"]);
    }

    #[test]
    fn a_heading_begins_a_second_sitting() {
        let text = "# A\n\nsome words\n\n## Second sitting: b\n\nmore\n\n## C\n";
        let pieces = crate::text::parse(text).unwrap();
        let words: Vec<usize> = sittings(&pieces).map(|part| count(part).0).collect();
        assert_eq!(words, [3, 5]);
    }

    #[test]
    fn headings_are_named_as_the_renderer_names_them() {
        assert_eq!(
            slug("## What `Runnable` is, and isn't"),
            "what-runnable-is-and-isnt"
        );
    }
}
