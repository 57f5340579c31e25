//! The tables of figures, and how a cell is written: intervals, and what is in bold.

use std::iter;

use crate::figures::Figures;
pub(crate) use crate::markdown::{Table, digits};
use crate::peer::Peer;
use crate::standing::Standing;
use crate::statistics::{Estimate, median};

/// A column of figures.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    title: String,
    /// The name under which the figures are kept.
    figure: String,
    better: Better,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Smaller,
    Larger,
    /// The figure tells about the machine.
    Neither,
}

impl Better {
    /// Whether theirs is better by the digits that a reader sees.
    fn beats(self, theirs: f64, ours: f64) -> bool {
        let seen = digits(theirs) != digits(ours);
        match self {
            Better::Smaller => seen && theirs < ours,
            Better::Larger => seen && theirs > ours,
            Better::Neither => false,
        }
    }
}

impl Column {
    /// A column whose figures are better the smaller they are.
    pub(crate) fn new(title: impl Into<String>, figure: impl Into<String>) -> Column {
        Column {
            title: title.into(),
            figure: figure.into(),
            better: Better::Smaller,
        }
    }

    /// The same where a column is called as its figure is.
    pub(crate) fn named(name: impl Into<String>) -> Column {
        let name = name.into();
        Column::new(name.clone(), name)
    }

    pub(crate) fn better(mut self, better: Better) -> Column {
        self.better = better;
        self
    }
}

/// The figures of a section, and the set-up of Laneway that the others are compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) ours: Peer,
}

impl Compared<'_> {
    /// A table of figures: an executor a row. What is better than ours is in bold.
    pub(crate) fn figures(&self, peers: &[Peer], title: &str, columns: &[Column]) -> String {
        let mut table = self.headed(title, columns);
        for &peer in peers {
            table.row(&self.row(&peer.name(), peer, columns));
        }
        table.into_text()
    }

    /// A table of ratios: how many times better ours is than each of the others.
    pub(crate) fn ratios(&self, peers: &[Peer], columns: &[Column]) -> String {
        let mut table = self.headed(&self.versus(), columns);
        for &peer in peers.iter().filter(|&&peer| peer != self.ours) {
            table.row(&self.ratio_row(&peer.name(), peer, columns));
        }
        table.into_text()
    }

    /// What stands above the first column of a table of ratios.
    pub(crate) fn versus(&self) -> String {
        format!("{} vs", self.ours.name())
    }

    pub(crate) fn headed(&self, title: &str, columns: &[Column]) -> Table {
        let titles = columns.iter().map(|column| &*column.title);
        let header = iter::once(title).chain(titles).map(str::to_owned);
        Table::new(&header.collect::<Vec<_>>())
    }

    /// One executor's figures.
    pub(crate) fn row(&self, label: &str, peer: Peer, columns: &[Column]) -> Vec<String> {
        let cells = columns.iter().map(|column| self.cell(peer, column));
        iter::once(label.to_owned()).chain(cells).collect()
    }

    /// How many times better our figures are than one executor's.
    pub(crate) fn ratio_row(&self, label: &str, peer: Peer, columns: &[Column]) -> Vec<String> {
        let cells = columns.iter().map(|column| {
            let ratios = self.figures.ratios(&column.figure, self.ours, peer);
            ratios.map_or_else(String::new, |ratios| speedup(&ratios))
        });
        iter::once(label.to_owned()).chain(cells).collect()
    }

    /// For each column, the best of the peers that are not Laneway, and how ours stands beside it.
    pub(crate) fn best_row(&self, label: &str, peers: &[Peer], columns: &[Column]) -> Vec<String> {
        let others: Vec<Peer> = peers.iter().copied().filter(|p| !p.is_laneway()).collect();
        let cells = columns.iter().map(|column| {
            let best = self.figures.least(&others, &column.figure);
            best.map_or_else(String::new, |best| self.standing(best, &column.figure))
        });
        iter::once(label.to_owned()).chain(cells).collect()
    }

    /// How many times better our medians are than one executor's, where each has processes of its
    /// own, and whether that is more than chance.
    pub(crate) fn median_ratio_row(&self, peer: Peer, columns: &[Column]) -> Vec<String> {
        let cells = columns.iter().map(|column| {
            let cell = self.median_ratio(peer, column);
            cell.unwrap_or_default()
        });
        iter::once(peer.name()).chain(cells).collect()
    }

    fn median_ratio(&self, peer: Peer, column: &Column) -> Option<String> {
        let ours = self.figures.values(self.ours, &column.figure)?;
        let theirs = self.figures.values(peer, &column.figure)?;
        let standing = Standing::of_figures(&ours, &theirs);
        let ratio = median(&theirs) / median(&ours);
        Some(match column.better {
            Better::Larger => standing_by(standing.reversed(), ratio.recip()),
            Better::Smaller | Better::Neither => standing_by(standing, ratio),
        })
    }

    fn standing(&self, peer: Peer, figure: &str) -> String {
        let Some(ratios) = self.figures.ratios(figure, self.ours, peer) else {
            return String::new();
        };
        let Estimate { median, low, high } = Estimate::of(&ratios);
        let standing = standing_by(Standing::of_ratios(&ratios), median);
        format!("{standing} ({low:.2}..{high:.2}), `{}`", peer.name())
    }

    /// The median over processes, and its interval if there are several.
    fn cell(&self, peer: Peer, column: &Column) -> String {
        let Some(values) = self.figures.values(peer, &column.figure) else {
            return String::new();
        };
        let shown = self.shown(peer, &column.figure, column.better);
        if values.len() == 1 {
            return shown;
        }
        let Estimate { low, high, .. } = Estimate::of(&values);
        format!("{shown} ({}..{})", digits(low), digits(high))
    }

    /// The median over processes, in bold if it is better than ours.
    pub(crate) fn shown(&self, peer: Peer, figure: &str, better: Better) -> String {
        let median_of = |peer| Some(median(&self.figures.values(peer, figure)?));
        let Some(theirs) = median_of(peer) else {
            return String::new();
        };
        let is_beaten = |ours| better.beats(theirs, ours);
        marked(digits(theirs), median_of(self.ours).is_some_and(is_beaten))
    }
}

/// The median of the ratios, in bold if it is below 1, and their interval.
pub(crate) fn speedup(ratios: &[f64]) -> String {
    let Estimate { median, low, high } = Estimate::of(ratios);
    format!("{} ({low:.2}..{high:.2})", in_bold_below_1(median))
}

/// A word and a ratio. A loss is in bold.
fn standing_by(standing: Standing, ratio: f64) -> String {
    let lost = standing == Standing::Behind || Better::Smaller.beats(ratio, 1.0);
    marked(format!("{standing} {}", digits(ratio)), lost)
}

fn in_bold_below_1(ratio: f64) -> String {
    marked(digits(ratio), Better::Smaller.beats(ratio, 1.0))
}

fn marked(text: String, bold: bool) -> String {
    let mark = if bold { "**" } else { "" };
    format!("{mark}{text}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(lines: &[&str]) -> Figures {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let mut figures = Figures::default();
        figures.add_named(0, &lines);
        figures
    }

    #[test]
    fn a_slower_result_is_printed_in_bold() {
        assert_eq!(speedup(&[0.5]), "**0.50** (0.50..0.50)");
        assert_eq!(speedup(&[2.0]), "2.00 (2.00..2.00)");
        assert_eq!(speedup(&[0.99]), "**0.99** (0.99..0.99)");
        assert_eq!(speedup(&[0.999]), "1.00 (1.00..1.00)");
    }

    #[test]
    fn a_figure_that_is_better_than_ours_is_in_bold_in_every_kind_of_column() {
        let figures = figures(&[
            "tokio,ns,1",
            "laneway,ns,2",
            "smol,ns,3",
            "tokio,polls,10",
            "laneway,polls,20",
            "smol,polls,30",
        ]);
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        let columns = [
            Column::named("ns"),
            Column::named("polls").better(Better::Larger),
            Column::new("polls of the machine", "polls").better(Better::Neither),
        ];
        let peers = [Peer::Tokio, Peer::Smol, Peer::Laneway];
        let table = compared.figures(&peers, "executor", &columns);
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                "| executor | ns | polls | polls of the machine |",
                "| --- | ---: | ---: | ---: |",
                "| tokio | **1.00** | 10.0 | 10.0 |",
                "| smol | 3.00 | **30.0** | 30.0 |",
                "| laneway | 2.00 | 20.0 | 20.0 |",
            ]
        );
    }

    #[test]
    fn the_best_peer_of_each_column_is_named_and_a_loss_to_it_is_in_bold() {
        let figures = figures(&[
            "tokio,a,1",
            "smol,a,3",
            "laneway,a,2",
            "laneway-one-queue,a,0.5",
            "tokio,b,6",
            "smol,b,4",
            "laneway,b,2",
        ]);
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        let peers = [
            Peer::Tokio,
            Peer::Smol,
            Peer::LanewayOneQueue,
            Peer::Laneway,
        ];
        let columns = ["a", "b", "c"].map(Column::named);
        let row = compared.best_row("best", &peers, &columns);
        let a = "**behind 0.50** (0.50..0.50), `tokio`";
        let b = "ahead 2.00 (2.00..2.00), `smol`";
        assert_eq!(row, ["best", a, b, ""]);
    }

    #[test]
    fn a_table_of_ratios_leaves_ours_out() {
        let figures = figures(&["tokio,ns,1", "laneway,ns,2"]);
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        let table = compared.ratios(&[Peer::Tokio, Peer::Laneway], &[Column::named("ns")]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| tokio | **0.50** (0.50..0.50) |"]);
    }
}
