//! A comparison as a table of text.

use crate::comparison::{Comparison, Row, time};

/// Draws a workload's table: the best first, the default marked.
pub(crate) fn table(comparison: &Comparison) -> String {
    let mut table = format!("{}: {}\n", comparison.workload, comparison.about);
    let heads = ["median", "to default", "middle half", "since last run"];
    table.push_str(&line("  configuration", heads));
    for row in comparison.rows() {
        let mark = if row.is_default() { "*" } else { " " };
        let [median, ratio, spread, change] = cells(comparison, row);
        let name = format!("{mark} {}", row.configuration);
        table.push_str(&line(&name, [&median, &ratio, &spread, &change]));
    }
    table
}

/// Median, ratio to the default, spread and change.
pub(crate) fn cells(comparison: &Comparison, row: &Row) -> [String; 4] {
    let [low, high] = row.quartiles.map(time);
    let ratio = comparison.ratio(row);
    [
        time(row.median),
        ratio.map_or_else(|| "-".to_owned(), times),
        format!("{low} to {high}"),
        change(row),
    ]
}

fn times(ratio: f64) -> String {
    let digits = match ratio {
        10.0.. => 0,
        _ => 2,
    };
    format!("{ratio:.digits$}x")
}

fn change(row: &Row) -> String {
    match row.change {
        None => "-".to_owned(),
        Some(change) if change.is_certain() => format!("{:+.0}%", change.median * 100.0),
        Some(_) => "no change".to_owned(),
    }
}

fn line(label: &str, [median, ratio, spread, change]: [&str; 4]) -> String {
    format!("{label:<28} {median:>9} {ratio:>10} {spread:>22} {change:>14}\n")
}
