//! A simulated listener, as the network knows it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::end::EndId;
use crate::net::source::Source;

/// Where connections wait to be accepted.
#[derive(Debug)]
pub(super) struct Doorway {
    pub(super) source: Arc<Source>,
    /// The most connections that wait, at least one.
    backlog: usize,
    pub(super) waiting: VecDeque<EndId>,
}

impl Doorway {
    pub(super) fn new(backlog: usize) -> Doorway {
        Doorway {
            source: Arc::default(),
            backlog: backlog.max(1),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.backlog
    }
}
