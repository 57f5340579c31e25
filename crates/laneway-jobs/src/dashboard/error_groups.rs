//! The newest failed attempts, those alike together.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::asked::{Answered, Asked};
use super::counted::Counted;
use super::frame::empty;
use super::html::Html;
use super::moment::past;
use super::place::{Place, clip};
use crate::job_state::JobState;
use crate::store::FailedAttempt;

/// The number of attempts that are grouped.
const GROUPED: usize = 2_000;
/// The number of groups that are shown, the largest ones.
const SHOWN: usize = 100;

/// Failed attempts of one kind whose errors differ in numbers alone.
#[derive(Debug)]
struct Group<'a> {
    pattern: String,
    attempts: Vec<&'a FailedAttempt>,
}

pub(super) async fn errors(asked: &Asked<'_>) -> Answered {
    let attempts = asked.store.failed_attempts(GROUPED).await?;
    let groups = grouped(&attempts);
    let place = &asked.place;
    Ok(asked.live("Errors", "/errors", |html| {
        html.text_el("h1", &[], "Errors");
        if groups.is_empty() {
            let next = "An attempt that fails, panics or times out is shown here, and is tried \
                again by its job's rule.";
            return empty(html, "No attempt has failed.", next);
        }
        let count = Counted::up_to(attempts.len() as u64, GROUPED as u64);
        let text = format!("Failed attempts, the newest {count}. Numbers in errors are left out.");
        html.text_el("p", &[("class", "dim")], text);
        table(html, place, &groups);
    }))
}

fn grouped(attempts: &[FailedAttempt]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(&str, String), Vec<&FailedAttempt>> = BTreeMap::new();
    for attempt in attempts {
        let key = (&*attempt.kind, pattern(&attempt.error));
        groups.entry(key).or_default().push(attempt);
    }
    let mut groups: Vec<Group<'_>> = groups
        .into_iter()
        .map(|((_, pattern), attempts)| Group { pattern, attempts })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.attempts.len()));
    groups.truncate(SHOWN);
    groups
}

/// The first line of an error that is not blank, with `#` for all words that have digits.
fn pattern(error: &str) -> String {
    let mut lines = error.lines();
    let line = lines.find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default();
    let mut pattern = String::with_capacity(line.len());
    let mut word = String::new();
    for letter in line.chars() {
        match letter.is_alphanumeric() {
            true => word.push(letter),
            false => {
                end_word(&mut pattern, &mut word);
                pattern.push(letter);
            }
        }
    }
    end_word(&mut pattern, &mut word);
    pattern
}

fn end_word(pattern: &mut String, word: &mut String) {
    match word.contains(|letter: char| letter.is_ascii_digit()) {
        true => pattern.push('#'),
        false => pattern.push_str(word),
    }
    word.clear();
}

/// The longest piece of a pattern, by which such errors are found.
fn piece(pattern: &str) -> &str {
    let pieces = pattern.split('#').map(str::trim);
    pieces.max_by_key(|piece| piece.len()).unwrap_or_default()
}

fn table(html: &mut Html, place: &Place, groups: &[Group<'_>]) {
    let headings = ["Error", "Kind", "Attempts", "Jobs now", "First", "Last"];
    html.table("cards", &headings, |html| {
        for group in groups {
            html.el("tr", &[], |html| group.row(html, place));
        }
    });
}

impl Group<'_> {
    fn row(&self, html: &mut Html, place: &Place) {
        let newest = self.attempts[0];
        let kind = &newest.kind;
        html.el(
            "td",
            &[("data-label", "Error"), ("class", "last")],
            |html| {
                let address =
                    place.address("/jobs", &[("kind", kind), ("error", piece(&self.pattern))]);
                let attributes = [("class", "error"), ("href", &*address)];
                let shown = match self.pattern.is_empty() {
                    true => "an error without a text".into(),
                    false => clip(&self.pattern, 160),
                };
                html.text_el("a", &attributes, shown);
                let last = place.address(&format!("/jobs/{}", newest.job), &[]);
                html.text_el("a", &[("class", "dim"), ("href", &last)], "the last one");
            },
        );
        html.text_el("td", &[("data-label", "Kind")], clip(kind, 60));
        let count = Counted::Exactly(self.attempts.len() as u64);
        html.text_el("td", &[("data-label", "Attempts"), ("class", "n")], count);
        html.el("td", &[("data-label", "Jobs now")], |html| {
            self.states(html)
        });
        for (name, moment) in [("First", self.first()), ("Last", newest.ended_at)] {
            html.el("td", &[("data-label", name)], |html| {
                past(html, moment, place.now)
            });
        }
    }

    /// How many of the jobs are in which state.
    fn states(&self, html: &mut Html) {
        let jobs: BTreeMap<_, JobState> = self
            .attempts
            .iter()
            .map(|one| (one.job, one.state))
            .collect();
        for state in JobState::ALL {
            let count = jobs.values().filter(|&&one| one == state).count();
            if count > 0 {
                let class = format!("state {}", state.name());
                html.text_el(
                    "span",
                    &[("class", &class)],
                    format_args!("{count} {state}"),
                );
                html.text(" ");
            }
        }
    }

    fn first(&self) -> SystemTime {
        let last = self.attempts.last();
        last.map_or(SystemTime::UNIX_EPOCH, |attempt| attempt.ended_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_in_numbers_are_alike() {
        let (one, two) = ("mail 17 to 0xA3: 31ms late", "mail 8 to 0xB9: 4ms late");
        assert_eq!(pattern(one), "mail # to #: # late");
        assert_eq!(pattern(one), pattern(two));
        assert_ne!(pattern("refused"), pattern("too late"));
        assert_eq!(pattern("first\nsecond"), "first");
        assert_eq!(pattern("\n \nlate"), "late", "a blank line says nothing");
        assert_eq!(pattern(""), "");
        assert_eq!(piece("mail # to #: # late"), "late");
        assert_eq!(piece("#"), "");
    }
}
