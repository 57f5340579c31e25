//! A writer of HTML that escapes all that it is given.

use std::fmt::{Display, Write};

/// The attributes of an element: names of our own, values from anywhere.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// HTML. Names of elements and attributes are constants of this crate; all else is escaped, so that
/// no text of a job can become markup.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// The beginning of a document.
    pub(super) fn document() -> Html {
        Html("<!doctype html>\n".to_owned())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    /// An element with what the closure writes in it.
    pub(super) fn el(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inner: impl FnOnce(&mut Html),
    ) {
        self.void(name, attributes);
        inner(self);
        self.0.extend(["</", name, ">"]);
    }

    /// An element with a text in it.
    pub(super) fn text_el(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.el(name, attributes, |html| html.text(text));
    }

    /// A table with a heading for each column, and the rows that the closure writes.
    pub(super) fn table(&mut self, class: &str, headings: &[&str], rows: impl FnOnce(&mut Html)) {
        self.el("table", &[("class", class)], |html| {
            html.el("thead", &[], |html| {
                html.el("tr", &[], |html| {
                    for heading in headings {
                        html.text_el("th", &[("scope", "col")], heading);
                    }
                });
            });
            html.el("tbody", &[], rows);
        });
    }

    /// An element without an end.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.extend(["<", name]);
        for (name, value) in attributes {
            self.0.extend([" ", name, "=\""]);
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// A text.
    pub(super) fn text(&mut self, text: impl Display) {
        let mut escaped = Escaped {
            html: &mut self.0,
            marks: 0,
        };
        write!(escaped, "{text}").expect("a text can always be written");
    }
}

struct Escaped<'h> {
    html: &'h mut String,
    /// The marks that stand one upon the other so far.
    marks: usize,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.chars().for_each(|letter| self.letter(letter));
        Ok(())
    }
}

impl Escaped<'_> {
    fn letter(&mut self, letter: char) {
        self.marks = match is_mark(letter) {
            true => self.marks + 1,
            false => 0,
        };
        match letter {
            _ if self.marks > MARKS => {}
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            '\'' => self.html.push_str("&#39;"),
            '\n' | '\t' => self.html.push(letter),
            _ if is_unfit(letter) => self.html.push('\u{b7}'),
            _ => self.html.push(letter),
        }
    }
}

/// As many marks on one letter as any language has; more would reach into other lines.
const MARKS: usize = 4;

fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Controls, and letters that turn round what stands beside them.
fn is_unfit(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}');
    turns || letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_reach_into_other_lines() {
        let mut html = Html::default();
        html.text(format_args!("e{}x{}", "\u{301}".repeat(300), "\u{302}"));
        let text = String::from_utf8(html.into_bytes()).unwrap();
        assert_eq!(text, format!("e{}x\u{302}", "\u{301}".repeat(4)));
    }

    #[test]
    fn no_text_becomes_markup() {
        let mut html = Html::default();
        html.el("p", &[("title", "\"><script>'")], |html| {
            html.text("<b>&amp;</b>\u{202e}\0");
        });
        let text = String::from_utf8(html.into_bytes()).unwrap();
        assert_eq!(
            text,
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;\">&lt;b&gt;&amp;amp;&lt;/b&gt;\u{b7}\u{b7}</p>"
        );
    }
}
