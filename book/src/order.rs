//! The orders in which a concurrent program may print its lines.
//!
//! Beside a transcript `three_tasks.txt` there may be a `three_tasks.order`. It has one chain of
//! lines a paragraph. Lines of one chain are printed in that order; lines of different chains in
//! any. A line that stands in several chains is one line, and ties them together:
//!
//! ```text
//! # The counters take turns; the end comes last.
//! first: 1
//! first: 2
//! all done
//!
//! second: 1
//! second: 2
//! all done
//! ```
//!
//! Every line is printed exactly once. `{3..5}` stands for a number from 3 to 5.

use std::collections::HashMap;

/// What a program may print.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The lines, each once.
    lines: Vec<String>,
    /// For each line, those that come before it.
    before: Vec<Vec<usize>>,
}

impl Order {
    /// The order of a program that prints the same every time.
    #[must_use]
    pub fn exact(transcript: &str) -> Order {
        let lines: Vec<String> = transcript.lines().map(str::to_owned).collect();
        let before = (0..lines.len())
            .map(|at| at.checked_sub(1).into_iter().collect())
            .collect();
        Order { lines, before }
    }

    /// Reads an `.order` file.
    #[must_use]
    pub fn parse(text: &str) -> Order {
        let mut order = Order::default();
        let mut last = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            last = match line.is_empty() {
                true => None,
                false => Some(order.enter(line, last)),
            };
        }
        order
    }

    /// Enters a line of a chain.
    fn enter(&mut self, line: &str, before: Option<usize>) -> usize {
        let known = self.lines.iter().position(|known| known == line);
        let at = known.unwrap_or_else(|| {
            self.lines.push(line.to_owned());
            self.before.push(Vec::new());
            self.lines.len() - 1
        });
        self.before[at].extend(before);
        at
    }

    /// Checks what a program has printed.
    ///
    /// # Errors
    ///
    /// What is missing, should not be there, or came too early.
    pub fn check(&self, printed: &str) -> Result<(), String> {
        let mut done = vec![false; self.lines.len()];
        for line in printed.lines() {
            let candidates = (0..done.len()).filter(|&at| !done[at] && fits(&self.lines[at], line));
            let Some(at) = candidates.min_by_key(|&at| self.open(at, &done)) else {
                return Err(format!("`{line}` is not expected, or not once more"));
            };
            if let Some(missing) = self.before[at].iter().find(|before| !done[**before]) {
                let missing = &self.lines[*missing];
                return Err(format!("`{line}` comes before `{missing}`"));
            }
            done[at] = true;
        }
        match done.iter().position(|done| !done) {
            Some(missing) => Err(format!("`{}` is missing", self.lines[missing])),
            None => Ok(()),
        }
    }

    /// How many lines have to come before this one and have not.
    fn open(&self, at: usize, done: &[bool]) -> usize {
        self.before[at].iter().filter(|&&at| !done[at]).count()
    }

    /// How many orders there are, if they can be counted in a moment.
    #[must_use]
    pub fn count(&self) -> Option<u128> {
        (self.lines.len() <= 64).then_some(())?;
        self.count_from(0, &mut HashMap::new())
    }

    /// How many ways there are to go on when the lines in `done`, a bit set, are printed.
    fn count_from(&self, done: u64, known: &mut HashMap<u64, u128>) -> Option<u128> {
        const LIMIT: usize = 100_000;
        let ready = |at: &usize| {
            let bit = |at: usize| done & (1 << at) != 0;
            !bit(*at) && self.before[*at].iter().all(|&before| bit(before))
        };
        if let Some(ways) = known.get(&done) {
            return Some(*ways);
        }
        if done.count_ones() as usize == self.lines.len() {
            return Some(1);
        }
        let mut ways: u128 = 0;
        for at in (0..self.lines.len()).filter(ready) {
            ways = ways.checked_add(self.count_from(done | 1 << at, known)?)?;
        }
        known.insert(done, ways);
        (known.len() <= LIMIT).then_some(ways)
    }
}

/// Whether a printed line fits one of an order, which may have ranges of numbers in it.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else {
        return pattern == line;
    };
    let range = rest.split_once('}').and_then(|(range, after)| {
        let (low, high) = range.split_once("..")?;
        Some((low.parse::<u64>().ok()?, high.parse::<u64>().ok()?, after))
    });
    let Some((low, high, after)) = range else {
        return pattern == line;
    };
    line.strip_prefix(literal).is_some_and(|line| {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let number = line[..digits].parse::<u64>();
        number.is_ok_and(|number| (low..=high).contains(&number)) && fits(after, &line[digits..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_may_interleave_and_keep_their_own_order() {
        let order = Order::parse("# two chains\na 1\na 2\nend\n\nb 1\nb 2\nend\n");
        for legal in ["a 1\na 2\nb 1\nb 2\nend\n", "b 1\na 1\nb 2\na 2\nend\n"] {
            assert_eq!(order.check(legal), Ok(()));
        }
        for illegal in [
            "a 2\na 1\nb 1\nb 2\nend\n",
            "a 1\na 2\nb 1\nend\nb 2\n",
            "a 1\na 2\nb 1\nb 2\n",
            "a 1\na 1\na 2\nb 1\nb 2\nend\n",
            "a 1\na 2\nb 1\nb 2\nc\nend\n",
        ] {
            assert!(order.check(illegal).is_err(), "{illegal}");
        }
        assert_eq!(order.count(), Some(6));
    }

    #[test]
    fn an_exact_order_may_repeat_lines() {
        let order = Order::exact("a\nb\na\n");
        assert_eq!(order.check("a\nb\na\n"), Ok(()));
        assert!(order.check("a\na\nb\n").is_err());
        assert_eq!(order.count(), Some(1));
    }

    #[test]
    fn numbers_fit_their_ranges() {
        assert!(fits("took {3..5} of {10..10} ms", "took 4 of 10 ms"));
        assert!(!fits("took {3..5} ms", "took 6 ms"));
        assert!(!fits("took {3..5} ms", "took  ms"));
        assert!(fits("a {b} c", "a {b} c"));
    }
}
