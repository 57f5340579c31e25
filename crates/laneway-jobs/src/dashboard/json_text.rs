//! JSON with line breaks, its texts and numbers as they were stored.

use serde::de::IgnoredAny;

/// The most bytes of a payload that a page shows.
pub(super) const SHOWN: usize = 64 * 1024;

/// A payload as a page shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonText {
    /// All of it, with line breaks.
    Whole(String),
    /// It is too long, or is no JSON: the beginning as it was stored, and how many bytes it has.
    Beginning(String, usize),
}

impl JsonText {
    pub(super) fn of(json: &[u8]) -> JsonText {
        let text = String::from_utf8_lossy(&json[..json.len().min(SHOWN)]).into_owned();
        // The parser allows 128 levels, which bounds the indentation.
        let is_json = json.len() <= SHOWN && serde_json::from_slice::<IgnoredAny>(json).is_ok();
        match is_json {
            true => JsonText::Whole(indented(&text)),
            false => JsonText::Beginning(text, json.len()),
        }
    }
}

/// Breaks lines after brackets and commas outside of strings.
fn indented(json: &str) -> String {
    let mut lines = Lines::default();
    let mut letters = json.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => lines.string(&mut letters),
            '{' | '[' => {
                while letters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => lines.text.extend([letter, end]),
                    None => lines.open(letter),
                }
            }
            '}' | ']' => lines.close(letter),
            ',' => lines.next(),
            ':' => lines.text.push_str(": "),
            _ if letter.is_ascii_whitespace() => {}
            _ => lines.text.push(letter),
        }
    }
    lines.text
}

#[derive(Default)]
struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn string(&mut self, letters: &mut impl Iterator<Item = char>) {
        self.text.push('"');
        while let Some(letter) = letters.next() {
            self.text.push(letter);
            match letter {
                '"' => return,
                '\\' => self.text.extend(letters.next()),
                _ => {}
            }
        }
    }

    fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.depth += 1;
        self.new_line();
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        self.new_line();
        self.text.push(bracket);
    }

    fn next(&mut self) {
        self.text.push(',');
        self.new_line();
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_otherwise_stays_as_it_was() {
        let json = r#" {"b":[1.50, {} ],"a" : "x\"{,", "e":[ ]} "#;
        let shown = "{\n  \"b\": [\n    1.50,\n    {}\n  ],\n  \"a\": \"x\\\"{,\",\n  \"e\": []\n}";
        assert_eq!(
            JsonText::of(json.as_bytes()),
            JsonText::Whole(shown.to_owned())
        );
        assert_eq!(JsonText::of(b"null"), JsonText::Whole("null".to_owned()));
    }

    #[test]
    fn what_is_deep_long_or_no_json_is_shown_as_it_is() {
        let deep = "[".repeat(10_000);
        let beginning = JsonText::Beginning(deep.clone(), 10_000);
        assert_eq!(JsonText::of(deep.as_bytes()), beginning);
        let long = format!("\"{}\"", "x".repeat(SHOWN));
        let JsonText::Beginning(text, bytes) = JsonText::of(long.as_bytes()) else {
            panic!("it is too long");
        };
        assert_eq!((text.len(), bytes), (SHOWN, SHOWN + 2));
        assert!(matches!(JsonText::of(b"\xff{"), JsonText::Beginning(_, 2)));
    }
}
