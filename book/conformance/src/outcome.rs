//! The outcome of a check, and how a process tells it to the one that started it.

use std::any::Any;
use std::panic::PanicHookInfo;

/// How the panic of a part begins that is still to be written.
pub(crate) const UNWRITTEN: &str = "not yet implemented";

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The runtime does it.
    Holds,
    /// It needs a part that is still to be written, named here.
    Missing(String),
    /// The runtime does something else, named here.
    Fails(String),
}

/// The mark of the line of the outcome among those that the runtime under test prints.
const MARK: &str = "\u{1}outcome ";

impl Outcome {
    /// The outcome that a panic stands for.
    pub(crate) fn of(info: &PanicHookInfo<'_>) -> Outcome {
        let message = message(info.payload());
        let place = info.location();
        let place = place.map_or(String::new(), |place| {
            format!("{}:{}", place.file(), place.line())
        });
        match message.strip_prefix(UNWRITTEN) {
            Some(part) => Outcome::Missing(format!("{}, {place}", part.trim_start_matches(": "))),
            None => Outcome::Fails(format!("{message} ({place})")),
        }
    }

    /// The line that tells it.
    pub(crate) fn line(&self) -> String {
        let (word, text) = match self {
            Outcome::Holds => ("holds", ""),
            Outcome::Missing(text) => ("missing", text.as_str()),
            Outcome::Fails(text) => ("fails", text.as_str()),
        };
        format!("{MARK}{word} {}", text.replace('\n', " "))
    }

    /// The outcome that is told in what a process has printed.
    pub(crate) fn told_in(printed: &str) -> Option<Outcome> {
        let (_, told) = printed.rsplit_once(MARK)?;
        let (word, text) = told.lines().next()?.split_once(' ')?;
        match word {
            "holds" => Some(Outcome::Holds),
            "missing" => Some(Outcome::Missing(text.to_owned())),
            "fails" => Some(Outcome::Fails(text.to_owned())),
            _ => None,
        }
    }
}

/// The message of a panic, if it was a text.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&str>() {
        return message;
    }
    let message = payload.downcast_ref::<String>();
    message.map_or("a panic without a message", String::as_str)
}

/// A message as the reader is to see it: what was found, and what should have been.
pub(crate) fn readable(message: &str) -> String {
    // By async-task, where a future is awaited that its executor has dropped.
    if message == "Task polled after completion" {
        return "an awaited task has no output: it was dropped before its end, or it panicked"
            .into();
    }
    compared(message).unwrap_or_else(|| message.to_owned())
}

/// What `assert_eq` says, in the order in which a person would.
fn compared(message: &str) -> Option<String> {
    let rest = message.strip_prefix("assertion `left == right` failed: ")?;
    let (what, values) = rest.split_once("\n  left: ")?;
    let (left, right) = values.split_once("\n right: ")?;
    Some(format!("{what}: {left}, and not {right}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_that_fails_reads_as_a_sentence() {
        let said = std::panic::catch_unwind(|| assert_eq!(0, 1, "wake-ups of the last to poll"));
        let said = said.expect_err("they differ");
        let text = readable(message(&*said));
        assert_eq!(text, "wake-ups of the last to poll: 0, and not 1");
        assert_eq!(readable("it did not"), "it did not");
    }

    #[test]
    fn an_outcome_is_told_among_other_lines() {
        let fails = Outcome::Fails("left: 1\nright: 2".to_owned());
        let printed = format!("task: 1\n{}\ntask: 2\n", fails.line());
        let told = Outcome::Fails("left: 1 right: 2".to_owned());
        assert_eq!(Outcome::told_in(&printed), Some(told));
        assert_eq!(Outcome::told_in("task: 1\n"), None);
        let holds = format!("no end of line{}", Outcome::Holds.line());
        assert_eq!(Outcome::told_in(&holds), Some(Outcome::Holds));
    }
}
