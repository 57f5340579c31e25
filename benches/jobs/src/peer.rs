//! The queues that are compared.

use clap::ValueEnum;

use crate::store_kind::StoreKind;

/// A queue as its users run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// At most 64 jobs at the same time, and so in a claim.
    Laneway,
    /// At most 256.
    #[value(name = "laneway-256")]
    Laneway256,
    Apalis,
    /// Fetches no more jobs at once than `laneway` claims.
    #[value(name = "apalis-64")]
    Apalis64,
    Fang,
    #[value(name = "graphile_worker")]
    GraphileWorker,
}

impl Peer {
    /// The name on the command line, in files and in tables.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no peer is skipped");
        value.get_name().to_owned()
    }

    pub(crate) fn named(name: &str) -> Option<Peer> {
        Peer::from_str(name, false).ok()
    }

    pub(crate) fn is_laneway(self) -> bool {
        matches!(self, Peer::Laneway | Peer::Laneway256)
    }

    /// Those that keep jobs in such a store.
    pub(crate) fn of(store: StoreKind) -> &'static [Peer] {
        match store {
            StoreKind::Sqlite => &[Peer::Laneway, Peer::Apalis, Peer::Fang],
            StoreKind::Postgres => &[
                Peer::Laneway,
                Peer::Laneway256,
                Peer::GraphileWorker,
                Peer::Apalis,
                Peer::Apalis64,
                Peer::Fang,
            ],
        }
    }

    /// How many jobs a round has: so many that it takes some seconds.
    pub(crate) fn jobs(self, store: StoreKind) -> u32 {
        match (self, store) {
            (Peer::Laneway | Peer::Laneway256, _) => 32_000,
            (Peer::GraphileWorker, _) => 16_000,
            (Peer::Apalis | Peer::Apalis64, StoreKind::Postgres) => 6_400,
            (Peer::Apalis | Peer::Apalis64 | Peer::Fang, _) => 1_280,
        }
    }
}
