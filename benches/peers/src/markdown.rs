//! Tables in Markdown, and how a number is written.

use std::fmt::Write as _;

/// A table in Markdown.
pub(crate) struct Table {
    text: String,
}

impl Table {
    pub(crate) fn new(columns: &[String]) -> Table {
        let mut table = Table {
            text: String::new(),
        };
        table.row(columns);
        let rules = ["---"]
            .into_iter()
            .chain(columns.iter().skip(1).map(|_| "---:"));
        let rules: Vec<String> = rules.map(str::to_owned).collect();
        table.row(&rules);
        table
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        writeln!(self.text, "| {} |", cells.join(" | ")).expect("a string takes everything");
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// A number with about three digits that matter.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        v if v > 0.0 && v < 0.01 => format!("{value:.4}"),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
