//! Whether another process wrote to the file, told from the length and time of its log: not a
//! query.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use super::owner::beside;
use crate::lock::unpoisoned;
use crate::store::Elsewhere;

/// The log of a file at the last look. A write of this process changes it as well, and costs one
/// claim too many.
#[derive(Debug)]
pub(super) struct Changes {
    log: PathBuf,
    seen: Mutex<Option<(u64, SystemTime)>>,
}

impl Changes {
    pub(super) fn of(database: &Path) -> Changes {
        Changes {
            log: beside(database, "-wal"),
            seen: Mutex::new(None),
        }
    }

    pub(super) fn look(&self) -> Elsewhere {
        let now = std::fs::metadata(&self.log);
        let now = now.and_then(|log| Ok((log.len(), log.modified()?))).ok();
        let before = std::mem::replace(&mut *unpoisoned(self.seen.lock()), now);
        match before == now {
            true => Elsewhere::Unchanged,
            false => Elsewhere::Changed,
        }
    }
}
