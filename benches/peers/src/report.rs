//! Tables in Markdown, CSV files, and the marked sections of the READMEs.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::executors::Peer;
use crate::measure::{Estimate, Medians, Sample};
use crate::workloads::Workload;

const BEGIN: &str = "<!-- peers:begin -->";
const END: &str = "<!-- peers:end -->";

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

/// What each executor took, in milliseconds: an executor a row, a workload a column.
pub(crate) fn times(medians: &Medians, workloads: &[Workload], peers: &[Peer]) -> String {
    let names = workloads.iter().map(|workload| workload.name());
    let columns: Vec<String> = std::iter::once("ms".to_owned()).chain(names).collect();
    let mut table = Table::new(&columns);
    for &peer in peers {
        let cells = workloads.iter().map(|&workload| {
            let ns = medians.ns(workload, peer);
            ns.map_or_else(String::new, |ns| {
                let ms = Estimate::of(&ns.iter().map(|ns| ns / 1e6).collect::<Vec<_>>());
                let Estimate { median, low, high } = ms;
                format!("{} ({}..{})", digits(median), digits(low), digits(high))
            })
        });
        let row: Vec<String> = std::iter::once(peer.name()).chain(cells).collect();
        table.row(&row);
    }
    table.into_text()
}

/// How many times faster `ours` is than each peer: below 1 it is slower, and in bold.
pub(crate) fn speedups(
    medians: &Medians,
    ours: Peer,
    workloads: &[Workload],
    peers: &[Peer],
) -> String {
    let names = workloads.iter().map(|workload| workload.name());
    let columns: Vec<String> = std::iter::once(format!("{} vs", ours.name()))
        .chain(names)
        .chain(["geometric mean".to_owned()])
        .collect();
    let mut table = Table::new(&columns);
    for &peer in peers.iter().filter(|&&peer| peer != ours) {
        let each = workloads
            .iter()
            .map(|&workload| medians.speedup(workload, ours, peer));
        let cells = each.chain([medians.mean_speedup(workloads, ours, peer)]);
        let cells = cells.map(|ratios| ratios.map_or_else(String::new, |r| speedup(&r)));
        let row: Vec<String> = std::iter::once(peer.name()).chain(cells).collect();
        table.row(&row);
    }
    table.into_text()
}

fn speedup(ratios: &[f64]) -> String {
    let Estimate { median, low, high } = Estimate::of(ratios);
    let bold = if median < 1.0 { "**" } else { "" };
    format!("{bold}{median:.2}{bold} ({low:.2}..{high:.2})")
}

/// A number with about three digits that matter.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Keeps every sample.
pub(crate) fn write_csv(path: &Path, samples: &[Sample]) -> io::Result<()> {
    let lines = samples.iter().map(|sample| sample.to_csv());
    let lines: Vec<String> = std::iter::once(Sample::HEADER.to_owned())
        .chain(lines)
        .collect();
    fs::write(path, lines.join("\n") + "\n")
}

/// Puts the results between the marks of every README that has them, and says which those are.
pub(crate) fn rewrite_readmes(results: &str) -> io::Result<Vec<PathBuf>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rewritten = Vec::new();
    for readme in [package.join("README.md"), package.join("../../README.md")] {
        let Ok(old) = fs::read_to_string(&readme) else {
            continue;
        };
        if let Some(new) = between_marks(&old, results) {
            fs::write(&readme, new)?;
            rewritten.push(readme);
        }
    }
    Ok(rewritten)
}

fn between_marks(text: &str, results: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_old, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        results.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nz\n");
        let new = between_marks(&text, "new\n").expect("the marks are there");
        assert_eq!(new, format!("a\n{BEGIN}\n\nnew\n\n{END}\nz\n"));
        assert_eq!(between_marks("no marks", "new"), None);
    }

    #[test]
    fn a_slower_result_is_printed_in_bold() {
        assert_eq!(speedup(&[0.5]), "**0.50** (0.50..0.50)");
        assert_eq!(speedup(&[2.0]), "2.00 (2.00..2.00)");
    }
}
