//! Named numbers about a peer, as processes print them and files keep them.

use std::io;

use crate::peer::Peer;
use crate::statistics::median;

/// A name and a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64) -> Figure {
        let name = name.into();
        Figure { name, value }
    }

    /// Reads a line that a process printed.
    pub(crate) fn parse(line: &str) -> io::Result<Figure> {
        let parts = line.split_once(',');
        let figure = parts.and_then(|(name, value)| Some(Figure::new(name, value.parse().ok()?)));
        figure.ok_or_else(|| io::Error::other(format!("{line:?} is no figure")))
    }
}

/// The middle of some values, the smallest and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Spread> {
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        let median = median(values);
        Some(Spread {
            median,
            least,
            most,
        })
    }
}

/// All figures of one section.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Figures(Vec<Row>);

#[derive(Debug, PartialEq)]
struct Row {
    round: usize,
    peer: Peer,
    figure: Figure,
}

impl Figures {
    const HEADER: &str = "round,peer,figure,value";

    pub(crate) fn push(&mut self, round: usize, peer: Peer, figure: Figure) {
        self.0.push(Row {
            round,
            peer,
            figure,
        });
    }

    /// Reads the lines that a process printed about a peer.
    pub(crate) fn read(&mut self, round: usize, peer: Peer, lines: &[String]) -> io::Result<()> {
        for line in lines {
            self.push(round, peer, Figure::parse(line)?);
        }
        Ok(())
    }

    /// All values under this name, in the order in which they were measured.
    pub(crate) fn values(&self, peer: Peer, name: &str) -> Vec<f64> {
        let rows = self.0.iter();
        let named = rows.filter(|row| row.peer == peer && row.figure.name == name);
        named.map(|row| row.figure.value).collect()
    }

    /// The sums of what stands under these names, where it was measured.
    pub(crate) fn sums(&self, peer: Peer, names: &[&str]) -> Vec<f64> {
        let all = names.iter().map(|name| self.values(peer, name));
        let measured: Vec<Vec<f64>> = all.filter(|values| !values.is_empty()).collect();
        let rounds = measured.iter().map(Vec::len).min().unwrap_or(0);
        let sum = |round: usize| measured.iter().map(|values| values[round]).sum();
        (0..rounds).map(sum).collect()
    }

    /// The peers of which anything was measured.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self.0.iter().map(|row| row.peer).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }

    pub(crate) fn rounds(&self) -> usize {
        self.0.iter().map(|row| row.round + 1).max().unwrap_or(0)
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut text = format!("{}\n", Figures::HEADER);
        for Row {
            round,
            peer,
            figure,
        } in &self.0
        {
            let Figure { name, value } = figure;
            text += &format!("{round},{},{name},{value}\n", peer.name());
        }
        text
    }

    /// Reads what [`to_csv`](Figures::to_csv) wrote. `None` if a line is no figure.
    pub(crate) fn from_csv(text: &str) -> Option<Figures> {
        let mut figures = Figures::default();
        for line in text.strip_prefix(Figures::HEADER)?.trim_start().lines() {
            let (round, rest) = line.split_once(',')?;
            let (peer, figure) = rest.split_once(',')?;
            let figure = Figure::parse(figure).ok()?;
            figures.push(round.parse().ok()?, Peer::named(peer)?, figure);
        }
        Some(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_their_csv_form() {
        let text = "round,peer,figure,value\n0,apalis,drain us,1.5\n1,graphile_worker,a,20\n";
        let figures = Figures::from_csv(text).expect("two figures");
        assert_eq!(figures.to_csv(), text);
        assert_eq!(figures.peers(), [Peer::Apalis, Peer::GraphileWorker]);
        assert_eq!(figures.rounds(), 2);
        assert_eq!(
            Figures::from_csv("round,peer,figure,value\n0,fang,us,soon\n"),
            None
        );
    }

    #[test]
    fn a_sum_leaves_out_what_was_not_measured() {
        let lines = ["us,1", "us,2", "server us,10", "server us,20"].map(str::to_owned);
        let mut figures = Figures::default();
        figures
            .read(0, Peer::Fang, &lines)
            .expect("they are figures");
        assert_eq!(figures.sums(Peer::Fang, &["us", "server us"]), [11.0, 22.0]);
        assert_eq!(figures.sums(Peer::Fang, &["us", "theirs"]), [1.0, 2.0]);
        assert_eq!(figures.sums(Peer::Apalis, &["us"]), [0.0; 0]);
    }

    #[test]
    fn a_spread_is_of_the_middle_and_both_ends() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]).expect("there are values");
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of(&[]), None);
    }
}
