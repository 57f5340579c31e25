//! Tables with aligned columns.

use laneway_jobs::JobState;

use crate::out::Colour;
use crate::text::harmless;

/// Rows below headings. All cells are made harmless.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&str]) -> Table {
        let headings = headings.iter().map(|heading| (*heading).to_owned());
        Table {
            rows: vec![headings.collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len());
        self.rows
            .push(cells.iter().map(|cell| harmless(cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The lines, the last column without an end of its own.
    pub(crate) fn lines(&self, colour: Colour) -> Vec<String> {
        let widths = self.widths();
        let rows = self.rows.iter();
        rows.map(|row| line(row, &widths, colour)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = 0..self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(move |row| row[column].chars().count());
        columns
            .map(|column| width(column).max().unwrap_or(0))
            .collect()
    }
}

fn line(cells: &[String], widths: &[usize], colour: Colour) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&painted(cell, colour));
        let missing = width - cell.chars().count();
        line.extend(std::iter::repeat_n(' ', missing + 2));
    }
    line.trim_end().to_owned()
}

/// States have colours; a cell that reads like one is one.
fn painted(cell: &str, colour: Colour) -> String {
    let state = JobState::ALL.into_iter().find(|state| state.name() == cell);
    let code = match (colour, state) {
        (Colour::None, _) | (_, None | Some(JobState::Ready | JobState::Cancelled)) => {
            return cell.to_owned();
        }
        (_, Some(JobState::Running)) => 36,
        (_, Some(JobState::Done)) => 32,
        (_, Some(JobState::Failed | JobState::Quarantined)) => 31,
    };
    format!("\x1b[{code}m{cell}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_is_in_them() {
        let mut table = Table::new(&["kind", "state"]);
        table.row(vec!["ä\x1b".into(), "failed".into()]);
        let lines = table.lines(Colour::None);
        assert_eq!(lines, ["kind     state", "ä\\u{1b}  failed"]);
        assert!(table.lines(Colour::States)[1].ends_with("\x1b[31mfailed\x1b[0m"));
    }
}
