//! The part of a text that is made of results.

/// The text with this part between the marks; `None` if it has no marks.
pub(crate) fn between_marks(text: &str, marks: &str, results: &str) -> Option<String> {
    let begin = format!("<!-- {marks}:begin -->");
    let end = format!("<!-- {marks}:end -->");
    let (before, rest) = text.split_once(&begin)?;
    let (_old, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        results.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nz\n";
        let new = between_marks(text, "x", "new\n").expect("the marks are there");
        assert_eq!(new, "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nz\n");
        assert_eq!(between_marks(text, "y", "new"), None);
    }
}
