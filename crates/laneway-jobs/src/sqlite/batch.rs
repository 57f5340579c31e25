//! The commands of one transaction, and how it ended.

use std::time::Instant;

use laneway::time::now;

use super::command::{Access, Command, Sharing};
use super::tx::Aftermath;
use crate::store::{Hints, StoreError};

#[derive(Debug)]
pub(super) struct Batch {
    commands: Vec<Box<dyn Command>>,
    begun: Instant,
}

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum Ended {
    Committed(Aftermath),
    /// Nothing happened.
    Failed(StoreError),
    /// A probe, or a fault of the disk at the commit, made the outcome unknown.
    Lost,
}

impl Batch {
    pub(super) fn of(first: Box<dyn Command>) -> Batch {
        Batch {
            commands: vec![first],
            begun: now(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) fn sharing(&self) -> Sharing {
        self.commands[0].sharing()
    }

    /// The first command's: what comes to one that reads does so as well.
    pub(super) fn access(&self) -> Access {
        self.commands[0].access()
    }

    /// Whether a further command may share the transaction.
    pub(super) fn admits(&self, command: &dyn Command) -> bool {
        let fits = self.access() == Access::Writes || command.access() == Access::Reads;
        fits && command.sharing() == Sharing::WithOthers
    }

    pub(super) fn add(&mut self, command: Box<dyn Command>) {
        self.commands.push(command);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Command> {
        self.commands.iter().map(|command| &**command)
    }

    pub(super) fn command(&mut self, place: usize) -> Option<&mut Box<dyn Command>> {
        self.commands.get_mut(place)
    }

    pub(super) fn refuse(self, error: &StoreError) {
        for command in self {
            command.answer(Err(error.clone()));
        }
    }
}

impl IntoIterator for Batch {
    type Item = Box<dyn Command>;
    type IntoIter = std::vec::IntoIter<Box<dyn Command>>;

    fn into_iter(self) -> Self::IntoIter {
        self.commands.into_iter()
    }
}

impl Aftermath {
    pub(super) fn hint(self, hints: &Hints) {
        hints.settled(self.settled);
        if self.schedules.is_some() {
            hints.schedules_changed();
        }
        match self.everywhere {
            Some(_) => hints.ready_everywhere(),
            None => self.ready.iter().for_each(|queue| hints.ready(queue)),
        }
    }
}
