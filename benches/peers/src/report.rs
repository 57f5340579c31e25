//! Tables in Markdown, CSV files, and the marked sections of the READMEs.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::iter;
use std::path::Path;
use std::thread;

use crate::executors::Peer;
use crate::figures::Figures;
use crate::growth::{BOXES, CROWDS};
use crate::latency::{PERCENTILES, Way};
use crate::measure::{Effort, Estimate, Medians, Plan, Sample, median};
use crate::workloads::Workload;

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
    let ours = plan.peers.iter().filter(|peer| peer.is_laneway());
    let speedups = ours.map(|&ours| how_many_times_faster(plan, medians, ours));
    iter::once(all_times(plan, medians))
        .chain(speedups)
        .collect()
}

/// The same for Laneway's default alone.
pub(crate) fn executors_in_short(plan: &Plan, medians: &Medians) -> String {
    all_times(plan, medians) + &how_many_times_faster(plan, medians, Peer::Laneway)
}

fn all_times(plan: &Plan, medians: &Medians) -> String {
    "### Six workloads\n\n".to_owned() + &times(medians, &plan.workloads, &plan.peers)
}

fn how_many_times_faster(plan: &Plan, medians: &Medians, ours: Peer) -> String {
    let table = speedups(medians, ours, &plan.workloads, &plan.peers);
    format!("\nHow many times faster `{}` is:\n\n{table}", ours.name())
}

/// The section on high tasks under a low load.
pub(crate) fn latency(figures: &Figures, peers: &[Peer]) -> String {
    let waits = Way::ALL.map(|way| waits(figures, peers, way));
    let beside = columns(figures, peers, "throughput beside it", &["low polls/s"]);
    let ratios = latency_ratios(figures, peers);
    [
        LATENCY_TITLE.to_owned(),
        waits.concat(),
        "\n".to_owned() + &beside,
        ratios,
    ]
    .concat()
}

/// The same for spawns from outside alone.
pub(crate) fn latency_in_short(figures: &Figures, peers: &[Peer]) -> String {
    let waits = waits(figures, peers, Way::SpawnOutside);
    [LATENCY_TITLE, &waits, &latency_ratios(figures, peers)].concat()
}

const LATENCY_TITLE: &str = "### High tasks while 64 low tasks compute 2 ms in each poll\n";

/// The percentiles of one way.
fn waits(figures: &Figures, peers: &[Peer], way: Way) -> String {
    let names = PERCENTILES.map(|(name, _)| format!("{} {name}", way.name()));
    let mut header = vec![format!("{}, us", way.name())];
    header.extend(PERCENTILES.map(|(name, _)| name.replace("p999", "p99.9")));
    header.push("samples".to_owned());
    let mut table = Table::new(&header);
    for &peer in peers {
        let mut row = vec![peer.name()];
        row.extend(names.iter().map(|name| cell(figures, peer, name)));
        row.push(sum(figures, peer, &format!("{} count", way.name())));
        table.row(&row);
    }
    "\n".to_owned() + &table.into_text()
}

/// How many times sooner high tasks run where Laneway is set up for that, and what is left of the
/// low throughput.
fn latency_ratios(figures: &Figures, peers: &[Peer]) -> String {
    const OURS: Peer = Peer::LanewayLatencyFirst;
    let kinds = ["p50", "p99"];
    let names = Way::ALL.map(|way| kinds.map(|kind| format!("{} {kind}", way.name())));
    let names = names.as_flattened();
    let mut header = vec![format!("{} vs", OURS.name())];
    header.extend_from_slice(names);
    header.push("low polls/s".to_owned());
    let mut table = Table::new(&header);
    for &peer in peers.iter().filter(|&&peer| peer != OURS) {
        let ratio = |name: &str| {
            let median_of = |peer| figures.values(peer, name).map(|values| median(&values));
            Some(median_of(peer)? / median_of(OURS)?)
        };
        let times = |ratio: Option<f64>| ratio.map_or_else(String::new, in_bold_below_1);
        let mut row = vec![peer.name()];
        row.extend(names.iter().map(|name| times(ratio(name))));
        row.push(times(ratio("low polls/s").map(f64::recip)));
        table.row(&row);
    }
    format!(
        "\nHow many times sooner high tasks run on `{}`, and how many times the low polls it \
         makes:\n\n{}",
        OURS.name(),
        table.into_text()
    )
}

fn in_bold_below_1(ratio: f64) -> String {
    let bold = if ratio < 1.0 { "**" } else { "" };
    format!("{bold}{}{bold}", digits(ratio))
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
        if let ("at once", Some(&peer)) = (kind, peers.last()) {
            let cells = CROWDS.map(|(_, name)| cell(figures, peer, &format!("{BOXES} {name}")));
            let row: Vec<String> = iter::once(BOXES.to_owned()).chain(cells).collect();
            table.row(&row);
        }
        text = text + "\n" + &table.into_text();
    }
    let names = ["spawn+run+join", "spawn+run"];
    let one_thread = columns(figures, peers, "one thread, ns", &names);
    text + "\n" + &one_thread
}

/// A table of a few figures: an executor a row, a figure a column.
pub(crate) fn columns(figures: &Figures, peers: &[Peer], title: &str, names: &[&str]) -> String {
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
pub(crate) fn cell(figures: &Figures, peer: Peer, name: &str) -> String {
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

pub(crate) fn speedup(ratios: &[f64]) -> String {
    let Estimate { median, low, high } = Estimate::of(ratios);
    format!("{} ({low:.2}..{high:.2})", in_bold_below_1(median))
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

/// Puts the results between the marks of that name in a README, if it has them.
pub(crate) fn rewrite(readme: &Path, marks: &str, results: &str) -> io::Result<()> {
    let old = fs::read_to_string(readme).unwrap_or_default();
    let Some(new) = between_marks(&old, marks, results) else {
        eprintln!(
            "{} has no marks {marks} and was left alone",
            readme.display()
        );
        return Ok(());
    };
    eprintln!("rewrote {}", readme.display());
    fs::write(readme, new)
}

fn between_marks(text: &str, marks: &str, results: &str) -> Option<String> {
    let begin = format!("<!-- {marks}:begin -->");
    let end = format!("<!-- {marks}:end -->");
    let (before, rest) = text.split_once(&begin)?;
    let (_old, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        results.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nz\n";
        let new = between_marks(text, "x", "new\n").expect("the marks are there");
        assert_eq!(new, "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nz\n");
        assert_eq!(between_marks(text, "y", "new"), None);
    }

    #[test]
    fn a_slower_result_is_printed_in_bold() {
        assert_eq!(speedup(&[0.5]), "**0.50** (0.50..0.50)");
        assert_eq!(speedup(&[2.0]), "2.00 (2.00..2.00)");
    }
}
