//! The assignment of a fresh process: to its command line, and back.

use clap::Parser;

use crate::peer::Peer;

/// How many callers enqueue at the same time, each its next job when the last one is there.
pub(crate) const CALLERS: u32 = 64;

/// The work of a fresh process.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Assignment {
    /// The queue to measure.
    #[arg(long)]
    pub(crate) peer: Peer,
    /// The database: the path of a file that is not there yet, or the URL of an empty one.
    #[arg(long)]
    pub(crate) address: String,
    /// How many jobs.
    #[arg(long)]
    pub(crate) jobs: u32,
    /// The first process of the server.
    #[arg(long)]
    pub(crate) server: Option<u32>,
}

impl Assignment {
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--peer={}", self.peer.name()),
            format!("--address={}", self.address),
            format!("--jobs={}", self.jobs),
        ];
        arguments.extend(self.server.map(|server| format!("--server={server}")));
        arguments
    }
}
