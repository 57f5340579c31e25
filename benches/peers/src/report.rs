//! Tables in Markdown, CSV files, and the marked sections of the READMEs.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::thread;

use crate::executors::Peer;
use crate::figures::Figures;
use crate::growth::CROWDS;
use crate::latency::{PERCENTILES, Way};
use crate::measure::{Effort, Estimate, Medians, Plan, Sample};
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

/// On what and how thoroughly the numbers were measured.
pub(crate) fn conditions(effort: Effort, threads: usize) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let Effort { processes, rounds } = effort;
    format!(
        "{cores} cores, {} {}, {threads} threads for each executor, {processes} processes, \
         {rounds} rounds in each. In brackets: the interval that holds the median with 93% \
         confidence. In bold: where Laneway is slower.\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

/// The section on the six workloads.
pub(crate) fn executors(plan: &Plan, medians: &Medians) -> String {
    let mut text = "### Six workloads\n\n".to_owned();
    text += &times(medians, &plan.workloads, &plan.peers);
    for &ours in plan.peers.iter().filter(|peer| peer.is_laneway()) {
        let table = speedups(medians, ours, &plan.workloads, &plan.peers);
        text = text + "\nHow many times faster `" + &ours.name() + "` is:\n\n" + &table;
    }
    text
}

/// The section on high tasks under a low load.
pub(crate) fn latency(figures: &Figures, peers: &[Peer]) -> String {
    let mut text = "### High tasks while 64 low tasks compute 2 ms in each poll\n".to_owned();
    for way in Way::ALL {
        let names = PERCENTILES.map(|(name, _)| format!("{} {name}", way.name()));
        let mut columns = vec![format!("{}, us", way.name())];
        columns.extend(PERCENTILES.map(|(name, _)| name.replace("p999", "p99.9")));
        columns.push("samples".to_owned());
        let mut table = Table::new(&columns);
        for &peer in peers {
            let mut row = vec![peer.name()];
            row.extend(names.iter().map(|name| cell(figures, peer, name)));
            row.push(sum(figures, peer, &format!("{} count", way.name())));
            table.row(&row);
        }
        text = text + "\n" + &table.into_text();
    }
    text + "\n" + &columns(figures, peers, "throughput beside it", &["low polls/s"])
}

/// The section on idleness.
pub(crate) fn idle(figures: &Figures, peers: &[Peer]) -> String {
    let names = ["threads", "switches/s", "cpu us/s"];
    "### Ten idle seconds\n\n".to_owned() + &columns(figures, peers, "idle", &names)
}

/// The section on memory.
pub(crate) fn memory(figures: &Figures, peers: &[Peer]) -> String {
    let names = [
        "allocations",
        "bytes allocated",
        "spawned bytes",
        "pending bytes",
    ];
    "### Memory per task\n\n".to_owned() + &columns(figures, peers, "per task", &names)
}

/// The section on growth.
pub(crate) fn growth(figures: &Figures, peers: &[Peer]) -> String {
    let mut text = "### Nanoseconds per task, from few tasks to many\n".to_owned();
    for (kind, title) in [
        ("waves", "in waves of 1,000"),
        ("at once", "all alive at once"),
    ] {
        let mut table = Table::new(
            &iter::once(title.to_owned())
                .chain(CROWDS.map(|(_, name)| name.to_owned()))
                .collect::<Vec<_>>(),
        );
        for &peer in peers {
            let cells = CROWDS.map(|(_, name)| cell(figures, peer, &format!("{kind} {name}")));
            let row: Vec<String> = iter::once(peer.name()).chain(cells).collect();
            table.row(&row);
        }
        text = text + "\n" + &table.into_text();
    }
    let one_thread = columns(figures, peers, "spawn, run and join, ns", &["one thread"]);
    text + "\n" + &one_thread
}

/// A table of a few figures: an executor a row, a figure a column.
fn columns(figures: &Figures, peers: &[Peer], title: &str, names: &[&str]) -> String {
    let header = iter::once(title).chain(names.iter().copied());
    let mut table = Table::new(&header.map(str::to_owned).collect::<Vec<_>>());
    for &peer in peers {
        let cells = names.iter().map(|name| cell(figures, peer, name));
        let row: Vec<String> = iter::once(peer.name()).chain(cells).collect();
        table.row(&row);
    }
    table.into_text()
}

/// The median over processes, and its interval if there are several.
fn cell(figures: &Figures, peer: Peer, name: &str) -> String {
    let Some(values) = figures.values(peer, name) else {
        return String::new();
    };
    let Estimate { median, low, high } = Estimate::of(&values);
    if values.len() == 1 {
        digits(median)
    } else {
        format!("{} ({}..{})", digits(median), digits(low), digits(high))
    }
}

fn sum(figures: &Figures, peer: Peer, name: &str) -> String {
    let values = figures.values(peer, name);
    values.map_or_else(String::new, |values| {
        format!("{:.0}", values.iter().sum::<f64>())
    })
}

/// What each executor took, in milliseconds: an executor a row, a workload a column.
pub(crate) fn times(medians: &Medians, workloads: &[Workload], peers: &[Peer]) -> String {
    let names = workloads.iter().map(|workload| workload.name());
    let columns: Vec<String> = iter::once("ms".to_owned()).chain(names).collect();
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
        let row: Vec<String> = iter::once(peer.name()).chain(cells).collect();
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
    let columns: Vec<String> = iter::once(format!("{} vs", ours.name()))
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
        let row: Vec<String> = iter::once(peer.name()).chain(cells).collect();
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

/// Every sample.
pub(crate) fn samples_csv(samples: &[Sample]) -> String {
    let lines = samples.iter().map(|sample| sample.to_csv());
    let lines: Vec<String> = iter::once(Sample::HEADER.to_owned()).chain(lines).collect();
    lines.join("\n") + "\n"
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
