//! Named numbers about an executor, as child processes print them and files keep them.

use std::collections::{BTreeMap, HashMap};

use clap::ValueEnum;

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
}

/// All figures of one section.
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
        for line in lines {
            let figure = parse(line);
            let figure =
                figure.unwrap_or_else(|| panic!("a child process printed no figure but {line:?}"));
            self.push(process, peer, figure);
        }
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

    /// Adds a figure that a process has measured.
    pub(crate) fn push(&mut self, process: usize, peer: Peer, figure: Figure) {
        self.0.push(Row {
            process,
            peer,
            figure,
        });
    }

    /// Whether anything was measured on this peer.
    pub(crate) fn tell_of(&self, peer: Peer) -> bool {
        self.0.iter().any(|row| row.peer == peer)
    }

    /// Whether anything was measured under this name.
    pub(crate) fn tell(&self, name: &str) -> bool {
        self.0.iter().any(|row| row.figure.name == name)
    }

    /// How many processes measured.
    pub(crate) fn processes(&self) -> usize {
        self.0.iter().map(|row| row.process + 1).max().unwrap_or(0)
    }

    /// How often a process measured the same: at least and at most.
    pub(crate) fn rounds(&self) -> (usize, usize) {
        let mut rounds: HashMap<(usize, Peer, &str), usize> = HashMap::new();
        for row in &self.0 {
            let key = (row.process, row.peer, &*row.figure.name);
            *rounds.entry(key).or_default() += 1;
        }
        let least = rounds.values().copied().min().unwrap_or(0);
        let most = rounds.into_values().max().unwrap_or(0);
        (least, most)
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

    /// The geometric mean of the ratios of several figures, one number for each process. Figures
    /// of one group count together as much as one figure that is a group of its own.
    pub(crate) fn mean_ratios(
        &self,
        groups: &[Vec<String>],
        ours: Peer,
        peer: Peer,
    ) -> Option<Vec<f64>> {
        let ratios = |name: &String| self.ratios(name, ours, peer);
        let of_group = |group: &Vec<String>| {
            let ratios: Option<Vec<Vec<f64>>> = group.iter().map(ratios).collect();
            geometric_means(&ratios?)
        };
        let means: Option<Vec<Vec<f64>>> = groups.iter().map(of_group).collect();
        geometric_means(&means?)
    }

    /// The peer whose median under this name is the smallest.
    pub(crate) fn least(&self, peers: &[Peer], name: &str) -> Option<Peer> {
        let median_of = |&peer: &Peer| Some((peer, median(&self.values(peer, name)?)));
        let medians = peers.iter().filter_map(median_of);
        let (peer, _) = medians.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(peer)
    }

    const HEADER: &str = "process,executor,figure,value";

    /// Reads what [`to_csv`](Figures::to_csv) wrote. `None` if a line is no figure.
    pub(crate) fn from_csv(text: &str) -> Option<Figures> {
        let mut figures = Figures::default();
        for line in text.strip_prefix(Figures::HEADER)?.trim_start().lines() {
            let (process, rest) = line.split_once(',')?;
            let (peer, figure) = rest.split_once(',')?;
            figures.push(process.parse().ok()?, peer_named(peer)?, parse(figure)?);
        }
        Some(figures)
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut text = format!("{}\n", Figures::HEADER);
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

/// For each process, the geometric mean of its numbers in all lists.
fn geometric_means(lists: &[Vec<f64>]) -> Option<Vec<f64>> {
    let processes = lists.iter().map(Vec::len).min()?;
    let mean = |process: usize| {
        let logs: f64 = lists.iter().map(|each| each[process].ln()).sum();
        (logs / lists.len() as f64).exp()
    };
    Some((0..processes).map(mean).collect())
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
        assert_eq!((figures.processes(), figures.rounds()), (2, (1, 2)));
    }

    #[test]
    fn a_mean_is_taken_within_a_process() {
        let lines = ["laneway,a,1", "laneway,b,1", "tokio,a,2", "tokio,b,8"];
        let mut figures = Figures::default();
        figures.add_named(0, &lines.map(str::to_owned));
        let groups = ["a", "b"].map(|name| vec![name.to_owned()]);
        let mean = figures.mean_ratios(&groups, Peer::Laneway, Peer::Tokio);
        assert!((mean.expect("both were measured")[0] - 4.0).abs() < 1e-9);
        let groups = ["a", "c"].map(|name| vec![name.to_owned()]);
        assert_eq!(
            figures.mean_ratios(&groups, Peer::Laneway, Peer::Tokio),
            None
        );
    }

    #[test]
    fn a_group_counts_as_one_figure() {
        let lines = [
            "laneway,a,1",
            "laneway,b,1",
            "laneway,c,1",
            "tokio,a,2",
            "tokio,b,8",
            "tokio,c,16",
        ];
        let mut figures = Figures::default();
        figures.add_named(0, &lines.map(str::to_owned));
        let groups = [["a", "b"].map(str::to_owned).to_vec(), vec!["c".to_owned()]];
        let mean = figures.mean_ratios(&groups, Peer::Laneway, Peer::Tokio);
        // The group's mean is 4; all three alone would give 6.35.
        assert!((mean.expect("all were measured")[0] - 8.0).abs() < 1e-9);
    }

    #[test]
    fn the_least_is_that_of_the_peers_that_are_asked_about() {
        let lines = ["laneway,a,1", "tokio,a,3", "smol,a,2", "bevy,b,1"];
        let mut figures = Figures::default();
        figures.add_named(0, &lines.map(str::to_owned));
        let peers = [Peer::Tokio, Peer::Smol, Peer::Bevy];
        assert_eq!(figures.least(&peers, "a"), Some(Peer::Smol));
        assert_eq!(figures.least(&peers, "c"), None);
    }

    #[test]
    fn figures_survive_their_csv_form() {
        let text = "process,executor,figure,value\n0,tokio,ns,1.5\n1,laneway,at once 1k,20\n";
        let figures = Figures::from_csv(text).expect("two figures");
        assert_eq!(figures.to_csv(), text);
        assert!(figures.tell_of(Peer::Tokio) && !figures.tell_of(Peer::Smol));
        assert!(Figures::from_csv("process,executor,figure,value\n0,tokio,ns,soon\n").is_none());
    }
}
