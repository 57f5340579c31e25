//! The sections of a run: what each measures, and on which executors.

use clap::ValueEnum;

use crate::peer::Peer;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// The six workloads.
    Executors,
    /// How many polls of others come between two polls of a task that yields.
    Turns,
    /// How soon a high task runs under a saturating low load, and how late a heartbeat is.
    Latency,
    /// What ten idle seconds cost.
    Idle,
    /// Bytes and allocations per task.
    Memory,
    /// From a thousand tasks to ten million.
    Growth,
    /// What a sleep costs and how late it ends.
    Timer,
    /// What a call to a task behind a handle costs.
    Calls,
    /// The cost of a request over HTTP, and the time to its answer beside low work.
    Http,
}

impl Section {
    /// The name on the command line and of its CSV file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no section is skipped");
        value.get_name().to_owned()
    }

    /// The section of that name.
    pub(crate) fn named(name: &str) -> Option<Section> {
        Section::from_str(name, false).ok()
    }

    /// Those that are measured in this section.
    pub(crate) fn peers(self) -> &'static [Peer] {
        match self {
            Section::Executors | Section::Turns | Section::Idle | Section::Memory => {
                &Peer::EXECUTORS
            }
            Section::Latency => &Peer::FOR_LATENCY,
            Section::Growth => &Peer::FOR_GROWTH,
            Section::Timer => &Peer::FOR_TIMER,
            Section::Calls => &Peer::FOR_CALLS,
            Section::Http => &Peer::FOR_HTTP,
        }
    }

    /// The set-up of Laneway that the section compares the others with.
    pub(crate) fn ours(self) -> Peer {
        match self {
            Section::Latency => Peer::LanewayLatencyFirst,
            _ => Peer::Laneway,
        }
    }
}
