//! The tables about calls.

use std::iter;

use super::Calling;
use crate::executors::Peer;
use crate::figures::Figures;
use crate::report::{self, Table};

const OURS: Peer = Peer::Laneway;

const TITLE: &str = "### Calls to a task behind a handle\n\n";

/// The section on calls: nanoseconds, and how many times smaller ours are.
pub(crate) fn report(figures: &Figures, peers: &[Peer]) -> String {
    let header = |title: String| {
        let names = Calling::ALL.map(|calling| calling.name.to_owned());
        Table::new(&iter::once(title).chain(names).collect::<Vec<_>>())
    };
    let mut times = header("ns per call".to_owned());
    let mut ratios = header(format!("{} vs", OURS.name()));
    for &peer in peers {
        times.row(&row(peer, |name| report::cell(figures, peer, name)));
        if peer != OURS {
            ratios.row(&row(peer, |name| {
                let ratios = figures.ratios(name, OURS, peer);
                ratios.map_or_else(String::new, |ratios| report::speedup(&ratios))
            }));
        }
    }
    format!("{TITLE}{}\n{}", times.into_text(), ratios.into_text())
}

/// The same: it is short.
pub(crate) fn report_in_short(figures: &Figures, peers: &[Peer]) -> String {
    report(figures, peers)
}

fn row(peer: Peer, cell: impl Fn(&str) -> String) -> Vec<String> {
    let cells = Calling::ALL.map(|calling| cell(calling.name));
    iter::once(peer.name()).chain(cells).collect()
}
