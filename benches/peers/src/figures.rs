//! Named numbers about an executor, as child processes print them and files keep them.

use std::collections::{BTreeMap, HashMap};

use clap::ValueEnum;

use crate::executors::Peer;
use crate::measure::median;

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
}

/// All figures of one kind of measurement.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Row>);

#[derive(Debug)]
struct Row {
    process: usize,
    peer: Peer,
    figure: Figure,
}

impl Figures {
    /// Reads the lines that a child process printed about a peer.
    pub(crate) fn add(&mut self, process: usize, peer: Peer, lines: &[String]) {
        self.0.extend(lines.iter().map(|line| {
            let figure = parse(line);
            let figure =
                figure.unwrap_or_else(|| panic!("a child process printed no figure but {line:?}"));
            Row {
                process,
                peer,
                figure,
            }
        }));
    }

    /// Reads the lines that a child process printed about several peers.
    pub(crate) fn add_named(&mut self, process: usize, lines: &[String]) {
        for line in lines {
            let named = line.split_once(',').and_then(|(peer, figure)| {
                let peer = peer_named(peer)?;
                Some((peer, figure.to_owned()))
            });
            let (peer, figure) =
                named.unwrap_or_else(|| panic!("a child process printed no figure but {line:?}"));
            self.add(process, peer, &[figure]);
        }
    }

    /// One number for each process: the median of what it printed under that name.
    pub(crate) fn values(&self, peer: Peer, name: &str) -> Option<Vec<f64>> {
        let mut rounds: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for row in &self.0 {
            if row.peer == peer && row.figure.name == name {
                rounds
                    .entry(row.process)
                    .or_default()
                    .push(row.figure.value);
            }
        }
        let values: Vec<f64> = rounds.values().map(|rounds| median(rounds)).collect();
        (!values.is_empty()).then_some(values)
    }

    /// How many times smaller `ours` is than what `peer` has, one number for each process.
    pub(crate) fn ratios(&self, name: &str, ours: Peer, peer: Peer) -> Option<Vec<f64>> {
        let (ours, theirs) = (self.values(ours, name)?, self.values(peer, name)?);
        Some(theirs.iter().zip(ours).map(|(t, o)| t / o).collect())
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut text = "process,executor,figure,value\n".to_owned();
        let mut names: HashMap<Peer, String> = HashMap::new();
        for Row {
            process,
            peer,
            figure,
        } in &self.0
        {
            let peer = names.entry(*peer).or_insert_with(|| peer.name());
            let Figure { name, value } = figure;
            text += &format!("{process},{peer},{name},{value}\n");
        }
        text
    }
}

/// What a child process prints for its parent.
pub(crate) fn print(figures: &[Figure]) {
    for Figure { name, value } in figures {
        println!("{name},{value}");
    }
}

/// The same where a process measures several peers.
pub(crate) fn print_named(peer: Peer, figures: &[Figure]) {
    let peer = peer.name();
    for Figure { name, value } in figures {
        println!("{peer},{name},{value}");
    }
}

fn parse(line: &str) -> Option<Figure> {
    let (name, value) = line.split_once(',')?;
    Some(Figure::new(name, value.parse().ok()?))
}

/// A peer by its name.
pub(crate) fn peer_named(name: &str) -> Option<Peer> {
    Peer::from_str(name, false).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_a_process_become_their_median() {
        let mut figures = Figures::default();
        let lines = |lines: &[&str]| {
            lines
                .iter()
                .map(|&line| line.to_owned())
                .collect::<Vec<_>>()
        };
        figures.add_named(0, &lines(&["tokio,ns,4", "laneway,ns,2", "tokio,ns,8"]));
        figures.add_named(1, &lines(&["laneway,ns,1", "tokio,ns,5"]));
        assert_eq!(figures.values(Peer::Tokio, "ns"), Some(vec![6.0, 5.0]));
        let ratios = figures.ratios("ns", Peer::Laneway, Peer::Tokio);
        assert_eq!(ratios, Some(vec![3.0, 5.0]));
        assert_eq!(figures.values(Peer::Tokio, "ms"), None);
    }
}
