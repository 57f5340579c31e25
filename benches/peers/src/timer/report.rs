//! The tables about sleeps.

use std::iter;

use super::cancel::Cancel;
use super::fire::Fire;
use crate::executors::Peer;
use crate::figures::Figures;
use crate::report::{self, Table};

const OURS: Peer = Peer::Laneway;

const TITLE: &str = "### Sleeps\n\n";

const HELD: [&str; 5] = [
    "future bytes",
    "allocations",
    "bytes",
    "resident bytes",
    "bytes just doubled",
];

const LATE: [&str; 7] = [
    "late p50 us",
    "late p99 us",
    "late max us",
    "os late p50 us",
    "os late p99 us",
    "os late max us",
    "beyond os p99 us",
];

/// The section on sleeps.
pub(crate) fn report(figures: &Figures, peers: &[Peer]) -> String {
    let alone = Cancel::ALL.map(Cancel::name);
    let in_crowd = Cancel::ALL.map(Cancel::name_in_crowd);
    [
        TITLE.to_owned(),
        report::columns(figures, peers, "a million pending", &HELD),
        insert_and_cancel(figures, peers, "insert + cancel", &alone),
        insert_and_cancel(figures, peers, "the same", &in_crowd),
        insert_and_fire(figures, peers),
        "\n".to_owned() + &report::columns(figures, peers, "one at a time", &LATE),
    ]
    .concat()
}

/// A column for each of the questions.
pub(crate) fn report_in_short(figures: &Figures, peers: &[Peer]) -> String {
    let names = [
        "bytes",
        "1000 near wall ns",
        "1000 far among 1M wall ns",
        "fire tasks cpu ns",
        "beyond os p99 us",
    ];
    let titles = [
        "a sleep",
        "bytes",
        "insert + cancel, ns",
        "among a million, ns",
        "insert + fire, CPU ns",
        "p99 late beyond the system's, us",
    ];
    let mut table = Table::new(&titles.map(str::to_owned));
    for &peer in peers {
        let cells = names.iter().map(|name| report::cell(figures, peer, name));
        table.row(&iter::once(peer.name()).chain(cells).collect::<Vec<_>>());
    }
    TITLE.to_owned() + &table.into_text()
}

/// Times, and how many times smaller ours are.
fn insert_and_cancel(figures: &Figures, peers: &[Peer], title: &str, names: &[String]) -> String {
    let header = |title: &str| {
        let title = [title.to_owned()];
        Table::new(&title.iter().chain(names).cloned().collect::<Vec<_>>())
    };
    let mut times = header(&format!("{title}, ns"));
    let mut ratios = header(&format!("{} vs", OURS.name()));
    for &peer in peers {
        for (label, unit) in [("", "wall ns"), (", CPU", "cpu ns")] {
            let names: Vec<String> = names.iter().map(|name| format!("{name} {unit}")).collect();
            let label = peer.name() + label;
            times.row(&row(&label, &names, |name| {
                report::cell(figures, peer, name)
            }));
            if peer != OURS {
                ratios.row(&row(&label, &names, |name| ratio(figures, peer, name)));
            }
        }
    }
    format!("\n{}\n{}", times.into_text(), ratios.into_text())
}

fn insert_and_fire(figures: &Figures, peers: &[Peer]) -> String {
    let kinds = ["cpu ns", "behind ms"];
    let names = Fire::ALL.map(|fire| kinds.map(|kind| format!("fire {} {kind}", fire.name())));
    let names = names.as_flattened();
    let titles = names.iter().map(|name| name.replace("fire ", ""));
    let titles: Vec<String> = titles.map(|title| title.replace("cpu", "CPU")).collect();
    let header = |title: &str| row(title, &titles, str::to_owned);
    let mut costs = Table::new(&header("insert + fire"));
    let mut ratios = Table::new(&header(&format!("{} vs", OURS.name())));
    for &peer in peers {
        costs.row(&row(&peer.name(), names, |name| {
            report::cell(figures, peer, name)
        }));
        if peer != OURS {
            ratios.row(&row(&peer.name(), names, |name| ratio(figures, peer, name)));
        }
    }
    format!("\n{}\n{}", costs.into_text(), ratios.into_text())
}

fn row(label: &str, names: &[String], cell: impl Fn(&str) -> String) -> Vec<String> {
    let cells = names.iter().map(|name| cell(name));
    iter::once(label.to_owned()).chain(cells).collect()
}

/// How many times smaller our figure is.
fn ratio(figures: &Figures, peer: Peer, name: &str) -> String {
    let ratios = figures.ratios(name, OURS, peer);
    ratios.map_or_else(String::new, |ratios| report::speedup(&ratios))
}
