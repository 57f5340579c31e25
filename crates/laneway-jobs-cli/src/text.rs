//! Texts of others on a terminal: kinds, names and errors may hold anything.

use std::fmt::Write;

/// A text without characters that a terminal obeys, or that turn the order of what is read.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            letter if is_obeyed(letter) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// JSON whose strings have none of them either. Outside of strings it has none to begin with.
pub(crate) fn harmless_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match is_obeyed(letter) && letter != '\n' {
            true => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(safe, "\\u{unit:04x}");
            }),
            false => safe.push(letter),
        }
    }
    safe
}

/// Control characters, those that set the direction of text, and those that are not seen.
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A harmless text of at most `at_most` characters.
pub(crate) fn short(text: &str, at_most: usize) -> String {
    let safe = harmless(text);
    match safe.char_indices().nth(at_most) {
        None => safe,
        Some(_) => {
            let kept: String = safe.chars().take(at_most - 3).collect();
            kept + "..."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing() {
        let hostile = "\x1b[2J\u{9b}31m\u{202e}\r\n\u{7f}\u{ad}\u{e0041}x";
        let safe = harmless(hostile);
        assert_eq!(
            safe,
            "\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{d}\\n\\u{7f}\\u{ad}\\u{e0041}x"
        );
        let json = harmless_json(&serde_json::to_string(hostile).unwrap());
        assert!(json.chars().all(|letter| !is_obeyed(letter)), "{json}");
        let back: String = serde_json::from_str(&json).unwrap();
        assert_eq!(back, hostile);
    }

    #[test]
    fn a_short_text_has_as_many_characters() {
        assert_eq!(short("Äpfel", 5), "Äpfel");
        assert_eq!(short("Äpfel und Birnen", 8), "Äpfel...");
    }
}
