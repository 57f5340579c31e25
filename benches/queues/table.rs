//! A comparison as a table of text.

use crate::comparison::{Comparison, Row, time};

/// The meaning of the marks in the tables.
pub(crate) const KEY: &str = "* what Runtime::new() gives on this machine\n\
    ~ the middle halves of the samples overlap: the difference to the default may be chance";

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
    [
        time(row.median),
        ratio(comparison, row),
        format!("{low} to {high}"),
        change(row),
    ]
}

/// How many times as long as the default a row takes, with a mark where that may be chance.
fn ratio(comparison: &Comparison, row: &Row) -> String {
    let Some(ratio) = comparison.ratio(row) else {
        return "-".to_owned();
    };
    let digits = match ratio {
        10.0.. => 0,
        _ => 2,
    };
    let mark = match comparison.may_be_chance(row) {
        true => "~",
        false => "",
    };
    format!("{mark}{ratio:.digits$}x")
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
