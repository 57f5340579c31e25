//! Colours for Rust, a line at a time: enough to read by.

use laneway_book::expand::escaped;

const KEYWORDS: &str = " as async await break const continue crate dyn else enum extern fn for if impl in let \
    loop macro_rules match mod move mut pub ref return self Self static struct super trait type union \
    unsafe use where while true false ";

/// A line as HTML, with its parts in spans that the style sheet colours.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (class, length) = token(rest);
        let (token, after) = rest.split_at(length);
        match class {
            "" => shown += &escaped(token),
            class => shown += &format!("<span class=\"{class}\">{}</span>", escaped(token)),
        }
        rest = after;
    }
    shown
}

/// What a line begins with, and how many bytes that has.
fn token(text: &str) -> (&'static str, usize) {
    let first = text.chars().next().unwrap_or(' ');
    match first {
        '/' if text.starts_with("//") => ("comment", text.len()),
        '#' if text.starts_with("#[") || text.starts_with("#![") => ("attribute", attribute(text)),
        '"' => ("string", string(text)),
        '\'' => quote(text),
        c if c.is_ascii_digit() => (
            "number",
            run(text, |c| c.is_ascii_alphanumeric() || c == '_'),
        ),
        c if c.is_alphabetic() || c == '_' => word(text),
        c => ("", c.len_utf8()),
    }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn attribute(text: &str) -> usize {
    text.rfind(']').map_or(text.len(), |end| end + 1)
}

/// To the quotation mark that ends it, or to the line's end if it goes on in the next.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A character, or a lifetime.
fn quote(text: &str) -> (&'static str, usize) {
    let mut after = text.char_indices().skip(1);
    match (after.next(), after.next()) {
        (Some((_, '\\')), _) => {
            let end = text[2..].find('\'').map_or(text.len(), |end| end + 3);
            ("string", end)
        }
        (Some(_), Some((at, '\''))) => ("string", at + 1),
        _ => (
            "lifetime",
            1 + run(&text[1..], |c| c.is_alphanumeric() || c == '_'),
        ),
    }
}

fn word(text: &str) -> (&'static str, usize) {
    let length = run(text, |c| c.is_alphanumeric() || c == '_');
    let (word, after) = text.split_at(length);
    let class = if KEYWORDS.contains(&format!(" {word} ")) {
        "keyword"
    } else if after.starts_with('!') && !after.starts_with("!=") {
        return ("macro", length + 1);
    } else if after.starts_with('(') {
        "call"
    } else if word.starts_with(char::is_uppercase) {
        "type"
    } else {
        ""
    };
    (class, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_the_parts_have_their_classes() {
        let text =
            r#"    fn a<'x>(b: &'x Str) -> u8 { call('"', "c \" // d", 0x1f); print!("e") } // f"#;
        let shown = line(text);
        for part in [
            "<span class=\"keyword\">fn</span>",
            "<span class=\"lifetime\">'x</span>",
            "<span class=\"type\">Str</span>",
            "<span class=\"string\">'&quot;'</span>",
            "<span class=\"string\">&quot;c \\&quot; // d&quot;</span>",
            "<span class=\"number\">0x1f</span>",
            "<span class=\"macro\">print!</span>",
            "<span class=\"comment\">// f</span>",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let bare: String = shown
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |p| p.1))
            .collect();
        assert_eq!(bare, escaped(text));
    }
}
