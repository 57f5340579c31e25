//! A chapter's text taken apart: prose, fenced blocks, directives and boxes.
//!
//! A directive is a line of its own in double braces and stands for something that is fetched from
//! the chapter's folder:
//!
//! ```text
//! {{#listing src/lib.rs#spawn}}             items of a source file
//! {{#diff 1:src/lib.rs -> src/lib.rs}}      what has changed since another file
//! {{#transcript three_tasks}}               what a program prints
//! {{#replay three_tasks A caption}}         its recorded run, to be played; `by time` and
//!                                           `from "block: call 1"` may stand before the caption
//! {{#figure one-queue.svg A caption}}       a drawing
//! ```
//!
//! A box begins with `::: predict NAME`, `::: exercise`, `::: broken` or `::: note`, and ends with
//! `:::`. A prediction has two parts, with `::: answer` between them.

use crate::reference::Reference;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line of prose: a paragraph's, a heading, a list.
    Prose(String),
    /// A fenced block.
    Fence {
        /// What stands behind the fence.
        language: String,
        /// The lines in it.
        body: String,
    },
    /// Items of a source file.
    Listing(Reference),
    /// What has changed from the first to the second.
    Diff(Reference, Reference),
    /// What a program prints.
    Transcript(String),
    /// The recorded run of a program.
    Replay(Replay),
    /// A drawing in the chapter's folder, and its caption.
    Figure(String, String),
    /// A box begins.
    Open(Kind),
    /// The question of a prediction ends and the answer begins.
    Answer,
    /// A box ends.
    Close,
}

/// A recorded run as a text shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The program.
    pub name: String,
    /// What its horizontal axis is at first.
    pub axis: Axis,
    /// The line of the transcript that has just been printed when the replay opens; none means the
    /// program's first.
    pub from: Option<String>,
    /// The caption.
    pub caption: String,
}

/// The horizontal axis of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Each event is as wide as any other.
    Steps,
    /// Each moment is.
    Time,
}

impl Axis {
    /// As the player calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Axis::Steps => "steps",
            Axis::Time => "time",
        }
    }
}

/// What a box is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A question that the reader answers before running the program, with its name.
    Predict(String),
    /// Something to build.
    Exercise,
    /// The chapter's bug.
    Broken,
    /// An aside.
    Note,
}

type Mistaken = (usize, String);

/// Takes a text apart. Each piece comes with the number of its first line.
///
/// # Errors
///
/// The line and the reason, if a directive makes no sense, or a fence or box does not end.
pub fn parse(text: &str) -> Result<Vec<(usize, Piece)>, Mistaken> {
    let mut pieces = Vec::new();
    let mut open: Option<(usize, Kind)> = None;
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let piece = if let Some(language) = line.trim_start().strip_prefix("```") {
            let body = fence_body(&mut lines).ok_or((number, "a fence without end".to_owned()))?;
            Piece::Fence {
                language: language.trim().to_owned(),
                body,
            }
        } else {
            parse_line(line).map_err(|what| (number, what))?
        };
        track_box(&mut open, number, &piece)?;
        pieces.push((number, piece));
    }
    match open {
        Some((line, _)) => Err((line, "a box without end".to_owned())),
        None => Ok(pieces),
    }
}

fn fence_body<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<String> {
    let mut body = String::new();
    for (_, line) in lines {
        if line.trim() == "```" {
            return Some(body);
        }
        body.push_str(line);
        body.push('\n');
    }
    None
}

fn parse_line(line: &str) -> Result<Piece, String> {
    if let Some(rest) = line.strip_prefix(":::") {
        return parse_box(rest.trim());
    }
    let inner = line.trim().strip_prefix("{{#");
    match inner.and_then(|rest| rest.strip_suffix("}}")) {
        Some(directive) => parse_directive(directive.trim()),
        None if line.contains("{{#") => Err("a directive stands on a line of its own".to_owned()),
        None => Ok(Piece::Prose(line.to_owned())),
    }
}

fn parse_box(rest: &str) -> Result<Piece, String> {
    let (kind, name) = rest.split_once(' ').unwrap_or((rest, ""));
    let kind = match (kind, name) {
        ("", "") => return Ok(Piece::Close),
        ("answer", "") => return Ok(Piece::Answer),
        ("predict", "") => return Err("a prediction has a name".to_owned()),
        ("predict", name) => Kind::Predict(name.to_owned()),
        ("exercise", "") => Kind::Exercise,
        ("broken", "") => Kind::Broken,
        ("note", "") => Kind::Note,
        _ => return Err(format!("there is no box `{rest}`")),
    };
    Ok(Piece::Open(kind))
}

fn parse_directive(directive: &str) -> Result<Piece, String> {
    let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let rest = rest.trim();
    match name {
        "listing" => Ok(Piece::Listing(rest.parse()?)),
        "diff" => {
            let (old, new) = rest
                .split_once(" -> ")
                .ok_or("a diff is written OLD -> NEW")?;
            Ok(Piece::Diff(old.parse()?, new.parse()?))
        }
        "transcript" if !rest.is_empty() => Ok(Piece::Transcript(rest.to_owned())),
        "figure" => {
            let (file, caption) = rest.split_once(' ').ok_or("a caption is missing")?;
            Ok(Piece::Figure(file.to_owned(), caption.to_owned()))
        }
        "replay" => parse_replay(rest).map(Piece::Replay),
        _ => Err(format!("there is no directive `{directive}`")),
    }
}

fn parse_replay(rest: &str) -> Result<Replay, String> {
    let (name, rest) = rest.split_once(' ').ok_or("a caption is missing")?;
    let (axis, rest) = match rest.strip_prefix("by time ") {
        Some(rest) => (Axis::Time, rest),
        None => (Axis::Steps, rest),
    };
    let opening = rest
        .strip_prefix("from \"")
        .and_then(|rest| rest.split_once("\" "));
    Ok(Replay {
        name: name.to_owned(),
        axis,
        from: opening.map(|(line, _)| line.to_owned()),
        caption: opening.map_or(rest, |(_, caption)| caption).to_owned(),
    })
}

/// Sees to it that boxes do not nest, and that only predictions have answers.
fn track_box(
    open: &mut Option<(usize, Kind)>,
    number: usize,
    piece: &Piece,
) -> Result<(), Mistaken> {
    match (piece, open.as_ref()) {
        (Piece::Open(_), Some((line, _))) => {
            return Err((
                number,
                format!("the box of line {line} has not ended before"),
            ));
        }
        (Piece::Open(kind), None) => *open = Some((number, kind.clone())),
        (Piece::Close, Some(_)) => *open = None,
        (Piece::Close, None) => return Err((number, "no box is open here".to_owned())),
        (Piece::Answer, Some((_, Kind::Predict(_)))) => {}
        (Piece::Answer, _) => return Err((number, "only a prediction has an answer".to_owned())),
        _ => {}
    }
    Ok(())
}

/// A prediction as the text has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The line that it begins in.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// What the reader may choose from: the list items of the question.
    pub choices: Vec<String>,
    /// The first line of the answer.
    pub answer: String,
    /// What the answer says of wrong choices, each "CHOICE: why it is wrong".
    pub reasons: Vec<String>,
}

/// The predictions of a text.
#[must_use]
pub fn predictions(pieces: &[(usize, Piece)]) -> Vec<Prediction> {
    let mut found: Vec<Prediction> = Vec::new();
    let mut answering = None;
    for (line, piece) in pieces {
        match piece {
            Piece::Open(Kind::Predict(name)) => {
                answering = Some(false);
                found.push(Prediction {
                    line: *line,
                    name: name.clone(),
                    choices: Vec::new(),
                    answer: String::new(),
                    reasons: Vec::new(),
                });
            }
            Piece::Answer => answering = Some(true),
            Piece::Close => answering = None,
            Piece::Prose(text) => match (answering, found.last_mut()) {
                (Some(false), Some(prediction)) => {
                    prediction
                        .choices
                        .extend(text.strip_prefix("- ").map(plain));
                }
                (Some(true), Some(prediction)) if prediction.answer.is_empty() => {
                    prediction.answer = plain(text);
                }
                (Some(true), Some(prediction)) => {
                    prediction
                        .reasons
                        .extend(text.strip_prefix("- ").map(plain));
                }
                _ => {}
            },
            _ => {}
        }
    }
    found
}

/// A line without its marks of emphasis and code, and without a full stop at its end.
fn plain(line: &str) -> String {
    line.trim()
        .trim_end_matches('.')
        .replace(['`', '*', '_'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_has_choices_and_an_answer() {
        let text = "::: predict next\nWho?\n\n- `a`, b\n- b, a\n\n::: answer\n\n`b`, a.\n\nSo.\n\n- `a`, b: no.\n:::\n";
        let found = predictions(&parse(text).unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].choices, ["a, b", "b, a"]);
        assert_eq!(found[0].answer, "b, a");
        assert_eq!(found[0].reasons, ["a, b: no"]);
    }

    #[test]
    fn a_replay_may_open_at_a_line_and_by_time() {
        let text = "{{#replay tasks by time from \"a: 1\" As it was.}}\n{{#replay tasks Whole.}}\n";
        let replays: Vec<Replay> = parse(text)
            .unwrap()
            .into_iter()
            .filter_map(|(_, piece)| match piece {
                Piece::Replay(replay) => Some(replay),
                _ => None,
            })
            .collect();
        let replay = |axis, from: Option<&str>, caption: &str| Replay {
            name: "tasks".to_owned(),
            axis,
            from: from.map(str::to_owned),
            caption: caption.to_owned(),
        };
        let expected = [
            replay(Axis::Time, Some("a: 1"), "As it was."),
            replay(Axis::Steps, None, "Whole."),
        ];
        assert_eq!(replays, expected);
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        for (text, line) in [
            ("a\n```text\n", 2),
            ("::: note\n", 1),
            (":::\n", 1),
            ("::: note\n::: answer\n", 2),
            ("::: note\n::: note\n", 2),
            ("::: predict\n", 1),
            ("\n{{#nothing}}\n", 2),
            ("in {{#listing a}} prose\n", 1),
            ("{{#diff a b}}\n", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
    }
}
