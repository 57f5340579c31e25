//! The command line.

use clap::Parser;

use crate::pair::Pair;

/// Measures workloads in several configurations of the queues, and ends with a table for each
/// workload and with a page.
#[derive(Parser)]
#[command(name = "queues", bin_name = "cargo bench --bench queues --")]
pub(crate) struct Options {
    /// Only the pairs whose `workload/configuration` contains one of these: `ping-pong`, `/1+1`
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    /// Measure for two minutes, and not for some five: figures for a first look
    #[arg(long)]
    quick: bool,

    /// Run each pair once, and measure nothing
    #[arg(long, conflicts_with = "quick")]
    test: bool,

    /// Cargo says by this that it runs a benchmark; without it, as under `cargo test`, each runs
    /// once
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long each pair is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Once,
    Quick,
    Full,
}

impl Options {
    pub(crate) fn effort(&self) -> Effort {
        match (self.test || !self.bench, self.quick) {
            (true, _) => Effort::Once,
            (false, true) => Effort::Quick,
            (false, false) => Effort::Full,
        }
    }

    /// The pairs to run, or what to say if there are none.
    pub(crate) fn pairs(&self) -> Result<Vec<Pair>, String> {
        let pairs: Vec<Pair> = Pair::all().filter(|pair| self.chooses(pair)).collect();
        if pairs.is_empty() {
            Err(self.no_such_pair())
        } else {
            Ok(pairs)
        }
    }

    fn chooses(&self, pair: &Pair) -> bool {
        let id = pair.id();
        let contained = |filter: &String| id.contains(filter.as_str());
        self.filters.is_empty() || self.filters.iter().any(contained)
    }

    fn no_such_pair(&self) -> String {
        format!(
            "no pair's name contains {}\nworkloads: {}\nconfigurations: {}",
            self.filters.join(" or "),
            Pair::workloads().collect::<Vec<_>>().join(" "),
            Pair::configurations().collect::<Vec<_>>().join(" "),
        )
    }
}
