//! What was measured of one workload: a row for each configuration, the best first.

use std::cmp::Ordering;

/// The configuration that the others are compared with.
pub(crate) const DEFAULT: &str = "default";

/// One configuration's times, in nanoseconds for a run of the workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) configuration: String,
    pub(crate) median: f64,
    /// Between these lies the middle half of the samples.
    pub(crate) quartiles: [f64; 2],
    /// Against the run before, if there was one.
    pub(crate) change: Option<Change>,
}

/// By how much the median has changed: 0.1 is ten percent slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) median: f64,
    /// The bounds of its 95% confidence interval.
    pub(crate) between: [f64; 2],
}

/// One workload's rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) workload: String,
    pub(crate) about: String,
    rows: Vec<Row>,
}

impl Row {
    pub(crate) fn is_default(&self) -> bool {
        self.configuration == DEFAULT
    }
}

impl Change {
    /// A change whose interval holds zero may be none.
    pub(crate) fn is_certain(&self) -> bool {
        self.between[0] > 0.0 || self.between[1] < 0.0
    }
}

impl Comparison {
    pub(crate) fn new(workload: &str, about: &str, mut rows: Vec<Row>) -> Comparison {
        let fastest = |a: &Row, b: &Row| a.median.partial_cmp(&b.median);
        rows.sort_by(|a, b| fastest(a, b).unwrap_or(Ordering::Equal));
        Comparison {
            workload: workload.to_owned(),
            about: about.to_owned(),
            rows,
        }
    }

    /// The best first.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The default's median, unless it was not measured.
    pub(crate) fn default(&self) -> Option<f64> {
        self.default_row().map(|row| row.median)
    }

    fn default_row(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_default())
    }

    /// Whether a row's difference to the default may be chance: the middle halves of their samples
    /// overlap.
    pub(crate) fn may_be_chance(&self, row: &Row) -> bool {
        let other = self.default_row().filter(|_| !row.is_default());
        other.is_some_and(|default| overlap(row.quartiles, default.quartiles))
    }

    /// How many times as long as the default a row takes.
    pub(crate) fn ratio(&self, row: &Row) -> Option<f64> {
        self.default().map(|default| row.median / default)
    }
}

fn overlap(a: [f64; 2], b: [f64; 2]) -> bool {
    a[0] <= b[1] && b[0] <= a[1]
}

/// A time in the unit that leaves it between 1 and 1,000, with three digits.
pub(crate) fn time(nanoseconds: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let unit = units.iter().find(|(size, _)| nanoseconds >= *size);
    let (size, name) = unit.copied().unwrap_or((1.0, "ns"));
    let value = nanoseconds / size;
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.digits$} {name}")
}
