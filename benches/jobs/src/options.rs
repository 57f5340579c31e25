//! The command line of `laneway-jobs-bench`.

use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::peer::Peer;
use crate::section::Section;
use crate::store_kind::StoreKind;

/// Measures laneway-jobs against other durable queues, prints the tables, keeps the numbers, and
/// rewrites the tables of the README.
#[derive(Debug, Parser)]
#[command(name = "laneway-jobs-bench")]
pub(crate) struct Options {
    /// Only these sections. What is kept of the others stays as it is.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Section>,
    /// Only these queues. Nothing is kept then.
    #[arg(long, value_delimiter = ',')]
    pub(crate) peers: Vec<Peer>,
    /// Rounds of each section [default: 5].
    #[arg(long)]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// One round of few jobs, to see whether everything works. Nothing is kept.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Prints the tables and keeps nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Measures nothing: makes the README's tables of the numbers that are kept.
    #[arg(long, conflicts_with_all = ["only", "peers", "rounds", "quick", "dry_run"])]
    pub(crate) render: bool,
    /// A server to measure on, instead of one of the run's own. A database is made there, and
    /// dropped at the end.
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Where SQLite files are made [default: the folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// How many rows the section on growth goes up to. 10000000 takes half an hour and 5 GB.
    #[arg(long, value_name = "ROWS", default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) most_rows: u32,
}

impl Options {
    pub(crate) fn sections(&self) -> &[Section] {
        match self.only.is_empty() {
            true => Section::value_variants(),
            false => &self.only,
        }
    }

    /// Those that take turns in a store.
    pub(crate) fn peers(&self, store: StoreKind) -> Vec<Peer> {
        let wanted = |peer: &&Peer| self.peers.is_empty() || self.peers.contains(peer);
        Peer::of(store).iter().filter(wanted).copied().collect()
    }

    pub(crate) fn rounds(&self) -> usize {
        let rounds = if self.quick { 1 } else { 5 };
        self.rounds.map_or(rounds, NonZeroUsize::get)
    }

    /// Rounds of the sections that Laneway has to itself.
    pub(crate) fn own_rounds(&self) -> usize {
        self.rounds().min(3)
    }

    /// As many jobs as a full run has, or few.
    pub(crate) fn jobs(&self, full: u32) -> u32 {
        if self.quick {
            (full / 640 * 64).max(64)
        } else {
            full
        }
    }

    pub(crate) fn most_rows(&self) -> u32 {
        if self.quick { 10_000 } else { self.most_rows }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(env::temp_dir)
    }

    /// Whether this run is as thorough as the README promises.
    pub(crate) fn keeps(&self) -> bool {
        let shortened = self.quick || !self.peers.is_empty() || self.rounds() < 3;
        !shortened && !self.dry_run
    }
}

/// The message of clap about wrong arguments, in one line.
pub(crate) fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.lines().map(str::trim);
    let said = said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let parts: Vec<&str> = said.filter(|line| !line.is_empty()).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options, String> {
        let program = ["laneway-jobs-bench"].iter();
        Options::try_parse_from(program.chain(arguments)).map_err(|error| in_one_line(&error))
    }

    #[test]
    fn without_options_everything_is_measured_and_kept() {
        let options = options(&[]).expect("nothing is needed");
        assert_eq!(options.sections(), Section::value_variants());
        assert_eq!(
            options.peers(StoreKind::Postgres),
            Peer::of(StoreKind::Postgres)
        );
        assert!(options.keeps());
    }

    #[test]
    fn a_quick_run_is_short_and_keeps_nothing() {
        let options = options(&["--quick", "--only", "sqlite,starts"]).expect("both are known");
        assert_eq!(options.sections(), [Section::Sqlite, Section::Starts]);
        assert_eq!((options.rounds(), options.jobs(32_000)), (1, 3_200));
        assert_eq!(options.jobs(300), 64);
        assert!(!options.keeps());
    }

    #[test]
    fn wrong_arguments_are_told_in_one_line() {
        for wrong in [
            ["--only", "nosuch"],
            ["--rounds", "0"],
            ["--most-rows", "5"],
            ["--render", "--quick"],
            ["extra", "--quick"],
        ] {
            let told = options(&wrong).expect_err("it is wrong");
            assert!(
                told.starts_with("error: ") && !told.contains('\n'),
                "{told}"
            );
        }
        let told = options(&["--only", "nosuch"]).expect_err("it is wrong");
        assert!(told.contains("sqlite, postgres"), "{told}");
    }
}
