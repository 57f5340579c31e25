//! Strings in JSON that hold whatever a task is called.

use std::fmt::{self, Display, Write};

/// A string in quotation marks, fit for JSON that stands inside of HTML.
///
/// Besides what JSON asks for, everything is escaped that could end or begin something where the
/// text is embedded: `<`, `>` and `&`, so that neither `</script>` nor `<!--` can come about, and
/// the line separators that old scripts take for line ends.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{7f}' => escape(f, character)?,
                _ if character.is_control() => escape(f, character)?,
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}

/// Writes a character of the basic plane by its number.
fn escape(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    write!(f, "\\u{:04x}", u32::from(character))
}

/// A row of JSON values between brackets.
pub(super) struct Array<I>(pub(super) I);

impl<I> Display for Array<I>
where
    I: Iterator + Clone,
    I::Item: Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (index, value) in self.0.clone().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            write!(f, "{value}")?;
        }
        f.write_char(']')
    }
}

#[cfg(test)]
mod tests {
    use super::{Array, Quoted};

    #[test]
    fn what_could_break_out_is_escaped() {
        let hostile = "</script><!--\"\\\n\r\t\0\u{7f}\u{85}\u{2028}\u{2029}&";
        let expected = concat!(
            r#""\u003c/script\u003e\u003c!--\"\\\u000a\u000d\u0009\u0000\u007f\u0085"#,
            r#"\u2028\u2029\u0026""#
        );
        assert_eq!(Quoted(hostile).to_string(), expected);
    }

    #[test]
    fn other_characters_stay() {
        assert_eq!(Quoted("naïve 😀 'x'").to_string(), "\"naïve 😀 'x'\"");
    }

    #[test]
    fn arrays_are_separated_by_commas() {
        assert_eq!(Array([1, 2].iter()).to_string(), "[1,2]");
        assert_eq!(Array([0_u8; 0].iter()).to_string(), "[]");
    }
}
