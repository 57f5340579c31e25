//! Named numbers about an executor, as child processes print them and files keep them.

use std::collections::HashMap;

use clap::ValueEnum;

use crate::executors::Peer;

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

    /// One number for each process.
    pub(crate) fn values(&self, peer: Peer, name: &str) -> Option<Vec<f64>> {
        let rows = self
            .0
            .iter()
            .filter(|row| row.peer == peer && row.figure.name == name);
        let values: Vec<f64> = rows.map(|row| row.figure.value).collect();
        (!values.is_empty()).then_some(values)
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

fn parse(line: &str) -> Option<Figure> {
    let (name, value) = line.split_once(',')?;
    Some(Figure::new(name, value.parse().ok()?))
}

/// A peer by its name.
pub(crate) fn peer_named(name: &str) -> Option<Peer> {
    Peer::from_str(name, false).ok()
}
