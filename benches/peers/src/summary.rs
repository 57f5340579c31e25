//! The four rows that the repository's README shows of all tables.

use crate::harness;
use crate::peer::Peer;
use crate::results::Results;
use crate::section::Section;
use crate::table::{Better, Compared, Table};

/// A row: one question, put to Laneway and to those of its peers that a reader may come from.
struct Row {
    question: &'static str,
    section: Section,
    /// The set-up that is compared comes first.
    laneway: &'static [Peer],
    /// The first of them decides which of the remaining peers is the best.
    figures: &'static [&'static str],
    /// The fair peer first.
    tokio: &'static [Peer],
    smol: Peer,
}

const ROWS: [Row; 4] = [
    Row {
        question: "A high task starts while 64 low ones compute, us: median / p99",
        section: Section::Latency,
        laneway: &[Peer::LanewayLatencyFirst, Peer::Laneway],
        figures: &["spawn-outside p50", "spawn-outside p99"],
        tokio: &[Peer::TokioTwoNiced, Peer::Tokio],
        smol: Peer::AsyncExecutor,
    },
    Row {
        question: "Six workloads of small tasks, time as a multiple of Laneway's: handles awaited / \
            tasks detached",
        section: Section::Executors,
        laneway: &[Peer::Laneway],
        figures: &["awaited geometric mean", "detached geometric mean"],
        tokio: &[Peer::Tokio],
        smol: Peer::AsyncExecutor,
    },
    Row {
        question: "A sleep, ns: made and cancelled / run to its end by a task (CPU time)",
        section: Section::Timer,
        laneway: &[Peer::Laneway],
        figures: &["1000 near wall ns", "fire tasks cpu ns"],
        tokio: &[Peer::Tokio],
        smol: Peer::Smol,
    },
    Row {
        question: "A task that waits: bytes",
        section: Section::Memory,
        laneway: &[Peer::Laneway],
        figures: &["pending bytes"],
        tokio: &[Peer::Tokio],
        smol: Peer::AsyncExecutor,
    },
];

/// The columns of single executors. A cell names its executor where the column does not.
const COLUMNS: [&str; 3] = ["Laneway", "tokio", "smol"];

/// The table, of what is true of a release. A row whose figures are not kept is left out.
pub(crate) fn table(results: &[Results]) -> String {
    let [laneway, tokio, smol] = COLUMNS;
    let header = ["", laneway, tokio, smol, "best of the other peers"];
    let mut table = Table::new(&header.map(str::to_owned));
    for row in &ROWS {
        let of_release = results.iter().filter(|results| results.is_of_release());
        let mut of_section = of_release.filter(|results| results.section == row.section);
        if let Some(cells) = of_section.next().and_then(|results| row.cells(results)) {
            table.row(&cells);
        }
    }
    table.into_text()
}

impl Row {
    /// `None` if the figures have not been measured.
    fn cells(&self, results: &Results) -> Option<Vec<String>> {
        let (figures, ours) = (&results.figures, results.section.ours());
        let peers = results.peers();
        match results.section {
            Section::Executors => {
                let means = harness::means(Compared { figures, ours }, &peers);
                let figures = &means;
                self.measured(Compared { figures, ours }, peers)
            }
            _ => self.measured(Compared { figures, ours }, peers),
        }
    }

    fn measured(&self, compared: Compared<'_>, peers: Vec<Peer>) -> Option<Vec<String>> {
        compared.figures.tell(self.figures[0]).then(|| {
            let [laneway, tokio, smol] = COLUMNS;
            let best = self.best_other(compared, peers);
            vec![
                self.question.to_owned(),
                self.column(compared, laneway, self.laneway),
                self.column(compared, tokio, self.tokio),
                self.column(compared, smol, &[self.smol]),
                best.map_or_else(String::new, |peer| self.cell(compared, peer)),
            ]
        })
    }

    fn column(&self, compared: Compared<'_>, title: &str, peers: &[Peer]) -> String {
        match peers {
            [peer] if peer.name() == title.to_lowercase() => self.values(compared, *peer),
            _ => {
                let cells = peers.iter().map(|&peer| self.cell(compared, peer));
                cells.collect::<Vec<_>>().join("<br>")
            }
        }
    }

    /// The peer that is neither Laneway nor in a column of its own and does best.
    fn best_other(&self, compared: Compared<'_>, mut peers: Vec<Peer>) -> Option<Peer> {
        peers.retain(|&peer| !peer.is_laneway() && !self.names(peer));
        compared.figures.least(&peers, self.figures[0])
    }

    fn names(&self, peer: Peer) -> bool {
        self.tokio.contains(&peer) || peer == self.smol
    }

    fn cell(&self, compared: Compared<'_>, peer: Peer) -> String {
        format!("`{}` {}", peer.name(), self.values(compared, peer))
    }

    fn values(&self, compared: Compared<'_>, peer: Peer) -> String {
        let shown = self
            .figures
            .iter()
            .map(|figure| compared.shown(peer, figure, Better::Smaller))
            .filter(|shown| !shown.is_empty());
        shown.collect::<Vec<_>>().join(" / ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::profile;
    use crate::results::Machine;

    fn results(section: Section, lines: &[&str]) -> Results {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let mut figures = Figures::default();
        figures.add_named(0, &lines);
        Results::of_figures(section, Machine::here(2, profile::RELEASE), figures)
    }

    #[test]
    fn a_row_names_the_fair_peer_first_and_the_best_of_those_without_a_column_last() {
        let results = results(
            Section::Latency,
            &[
                "tokio,spawn-outside p50,1000",
                "tokio-two-niced,spawn-outside p50,19",
                "tokio-two,spawn-outside p50,18",
                "flume-pool-bound,spawn-outside p50,3",
                "laneway-latency-first,spawn-outside p50,4",
                "laneway,spawn-outside p50,2",
            ],
        );
        let table = table(&[results]);
        let row = table.lines().last().expect("a row");
        let places: Vec<Option<usize>> = [
            "`laneway-latency-first` 4.00",
            "`tokio-two-niced` 19.0",
            "`tokio` 1000",
        ]
        .iter()
        .chain(&["`flume-pool-bound` **3.00**"])
        .map(|cell| row.find(cell))
        .collect();
        assert!(places.is_sorted() && places[0].is_some(), "{row}");
        assert!(!row.contains("`tokio-two` "), "{row}");
    }

    #[test]
    fn the_workloads_have_one_row_for_both_forms() {
        let lines = [
            "tokio,awaited chain,3",
            "laneway,awaited chain,1",
            "tokio,detached chain,1",
            "laneway,detached chain,2",
        ];
        let table = table(&[results(Section::Executors, &lines)]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].starts_with("| Six workloads"), "{rows:?}");
        assert!(
            rows[0].contains("| 1.00 / 1.00 | 3.00 / **0.50** |"),
            "{rows:?}"
        );
    }
}
