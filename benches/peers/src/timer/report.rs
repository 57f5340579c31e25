//! The tables about sleeps.

use super::cancel::Cancel;
use super::fire::Fire;
use crate::peer::Peer;
use crate::table::{Better, Column, Compared};

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
pub(crate) fn report(compared: Compared<'_>, peers: &[Peer]) -> String {
    let alone = Cancel::ALL.map(Cancel::name);
    let in_crowd = Cancel::ALL.map(Cancel::name_in_crowd);
    let held = HELD.map(Column::named);
    [
        compared.figures(peers, "a million pending", &held),
        insert_and_cancel(compared, peers, "insert + cancel", &alone),
        insert_and_cancel(compared, peers, "the same", &in_crowd),
        insert_and_fire(compared, peers),
        "\n".to_owned() + &compared.figures(peers, "one at a time", &LATE.map(late)),
    ]
    .concat()
}

/// What the operating system is late by is no merit of an executor.
fn late(name: &'static str) -> Column {
    let better = match name.starts_with("os ") {
        true => Better::Neither,
        false => Better::Smaller,
    };
    Column::named(name).better(better)
}

/// Times, and how many times smaller ours are.
fn insert_and_cancel(
    compared: Compared<'_>,
    peers: &[Peer],
    title: &str,
    names: &[String],
) -> String {
    let titles: Vec<Column> = names.iter().map(Column::named).collect();
    let mut times = compared.headed(&format!("{title}, ns"), &titles);
    let mut ratios = compared.headed(&compared.versus(), &titles);
    for &peer in peers {
        for (label, unit) in [("", "wall ns"), (", CPU", "cpu ns")] {
            let measured = names.iter().map(|name| format!("{name} {unit}"));
            let columns: Vec<Column> = measured.map(Column::named).collect();
            let label = peer.name() + label;
            times.row(&compared.row(&label, peer, &columns));
            if peer != compared.ours {
                ratios.row(&compared.ratio_row(&label, peer, &columns));
            }
        }
    }
    format!("\n{}\n{}", times.into_text(), ratios.into_text())
}

fn insert_and_fire(compared: Compared<'_>, peers: &[Peer]) -> String {
    let kinds = [("CPU ns", "cpu ns"), ("behind ms", "behind ms")];
    let columns = Fire::ALL.map(|fire| {
        let name = fire.name();
        kinds.map(|(title, kind)| {
            Column::new(format!("{name} {title}"), format!("fire {name} {kind}"))
        })
    });
    let columns = columns.as_flattened();
    let costs = compared.figures(peers, "insert + fire", columns);
    format!("\n{costs}\n{}", compared.ratios(peers, columns))
}
