//! The databases of a run: an empty one for each round, which goes before the next is made.

use std::io;

use crate::cluster::Cluster;
use crate::folder::Folder;
use crate::options::Options;
use crate::store_kind::StoreKind;

/// The name of the only file there is.
const FILE: &str = "round";

/// A folder for files, and a server where one is needed.
pub(crate) struct Databases {
    folder: Folder,
    given: Option<String>,
    cluster: Option<Cluster>,
}

impl Databases {
    /// Connects to the server that was given, so that a wrong address is told at once.
    pub(crate) fn of(options: &Options) -> io::Result<Databases> {
        let given = options.postgres.clone();
        let cluster = given.as_deref().map(|url| Cluster::new(Some(url)));
        Ok(Databases {
            folder: Folder::within(&options.folder())?,
            cluster: cluster.transpose()?,
            given,
        })
    }

    /// The address of an empty database.
    pub(crate) fn fresh(&mut self, store: StoreKind) -> io::Result<String> {
        match store {
            StoreKind::Sqlite => self.folder.file(FILE),
            StoreKind::Postgres => self.cluster()?.fresh(),
        }
    }

    /// The first process of the server, where its processor time can be read.
    pub(crate) fn server(&self, store: StoreKind) -> Option<u32> {
        match store {
            StoreKind::Sqlite => None,
            StoreKind::Postgres => self.cluster.as_ref()?.first_process(),
        }
    }

    /// Removes the databases of the last round.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.folder.remove(FILE)?;
        self.cluster.as_mut().map_or(Ok(()), Cluster::remove)
    }

    fn cluster(&mut self) -> io::Result<&mut Cluster> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::new(self.given.as_deref())?);
        }
        Ok(self.cluster.as_mut().expect("it was just started"))
    }
}
