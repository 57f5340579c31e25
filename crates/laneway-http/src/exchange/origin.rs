//! The connection of a request, as the request knows it.

use std::sync::Arc;

use super::handover::Handover;
use crate::fleet::Fleet;
use crate::fleet::Unsent;
use crate::fleet::Watch;

/// Where the requests of a connection come from. They share it, so that threads do not fight over
/// the count of what all connections share.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) watch: Arc<Watch>,
    /// Of use in HTTP/1, as the next one is.
    pub(crate) unsent: Unsent,
    pub(crate) handover: Handover,
}

impl Origin {
    pub(crate) fn new(fleet: Arc<Fleet>, watch: Arc<Watch>) -> Arc<Origin> {
        Arc::new(Origin {
            fleet,
            watch,
            unsent: Unsent::default(),
            handover: Handover::default(),
        })
    }
}
