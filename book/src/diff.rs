//! What has changed from one text to another, line by line.

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Kept(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// The change from `old` to `new` in the unified format: hunks, each with its line numbers.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    let lines = compare(old, new);
    let changed = |line: &Line<'_>| !matches!(line, Line::Kept(_));
    let shown: Vec<bool> = (0..lines.len())
        .map(|at| {
            let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len());
            lines[near].iter().any(changed)
        })
        .collect();
    let mut text = String::new();
    let (mut at, mut old_line, mut new_line) = (0, 1, 1);
    while at < lines.len() {
        let run = shown[at..].iter().take_while(|s| **s == shown[at]).count();
        let (hunk, added, removed) = (
            &lines[at..at + run],
            count(&lines[at..at + run], |line| matches!(line, Line::Added(_))),
            count(&lines[at..at + run], |line| {
                matches!(line, Line::Removed(_))
            }),
        );
        let (old_count, new_count) = (run - added, run - removed);
        if shown[at] {
            text += &format!("@@ -{old_line},{old_count} +{new_line},{new_count} @@\n");
            hunk.iter().for_each(|line| text += &written(*line));
        }
        at += run;
        old_line += old_count;
        new_line += new_count;
    }
    text
}

fn count(lines: &[Line<'_>], is: impl Fn(&Line<'_>) -> bool) -> usize {
    lines.iter().filter(|line| is(line)).count()
}

fn written(line: Line<'_>) -> String {
    match line {
        Line::Kept(line) => format!(" {line}\n"),
        Line::Removed(line) => format!("-{line}\n"),
        Line::Added(line) => format!("+{line}\n"),
    }
}

/// Applies a change in the unified format, as it stands in a page.
///
/// # Errors
///
/// The first line of the change that does not fit.
pub fn apply(old: &str, patch: &str) -> Result<String, String> {
    let old: Vec<&str> = old.lines().collect();
    let mut new: Vec<&str> = Vec::new();
    let mut at = 0;
    for line in patch.lines() {
        match line.split_at_checked(1) {
            Some(("@", header)) => {
                let start = hunk_start(header).ok_or_else(|| line.to_owned())?;
                let untouched = old.get(at..start - 1).ok_or_else(|| line.to_owned())?;
                new.extend(untouched);
                at = start - 1;
            }
            Some(("+", text)) => new.push(text),
            Some((mark @ (" " | "-"), text)) => {
                if old.get(at) != Some(&text) {
                    return Err(line.to_owned());
                }
                if mark == " " {
                    new.push(text);
                }
                at += 1;
            }
            _ => return Err(line.to_owned()),
        }
    }
    new.extend(&old[at..]);
    Ok(new.iter().flat_map(|line| [*line, "\n"]).collect())
}

/// The line of the old text that a hunk begins with, from 1.
fn hunk_start(header: &str) -> Option<usize> {
    let numbers = header.strip_prefix("@ -")?;
    numbers.split(',').next()?.parse().ok()
}

/// The shortest way from one text to the other, by the longest common subsequence of lines.
fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    // common[i][j]: how many lines old[i..] and new[j..] have in common.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Kept(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Removed(old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_what_is_around_it() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
        let patch = unified(old, new);
        assert_eq!(patch, "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n");
        assert_eq!(apply(old, &patch).unwrap(), new);
    }

    #[test]
    fn every_change_can_be_applied() {
        let texts = [
            "",
            "a\n",
            "a\nb\n",
            "b\na\n",
            "x\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\ny\n",
        ];
        for old in texts {
            for new in texts {
                assert_eq!(apply(old, &unified(old, new)).unwrap(), new, "{old:?}");
            }
        }
    }

    #[test]
    fn a_change_of_something_else_is_refused() {
        let patch = unified("a\nb\n", "a\nc\n");
        assert!(apply("a\nx\n", &patch).is_err());
        assert!(apply("", &patch).is_err());
    }
}
