//! The steps of a job that an attempt knows: they are read once, and not again for each step.
//!
//! No other attempt makes steps meanwhile, since the store refuses all older fences. Nothing here
//! asks the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::lock::unpoisoned;
use crate::store::Step;

/// The steps of a job, as far as an attempt knows them.
#[derive(Debug, Default)]
pub(crate) struct MadeSteps(Mutex<Option<Known>>);

/// The steps that were made, by their names.
type Known = BTreeMap<String, Made>;

#[derive(Debug)]
enum Made {
    /// With this value.
    Kept(Vec<u8>),
    /// It is on its way into the store, or its answer was lost: only the store knows.
    InDoubt,
}

/// The knowledge about one step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KnownStep {
    /// It was made, and its value is kept.
    Made(Vec<u8>),
    NotMade,
    /// The store has to be asked.
    Unknown,
}

impl MadeSteps {
    pub(crate) fn look(&self, name: &str) -> KnownStep {
        match self.known().as_ref().map(|known| known.get(name)) {
            None | Some(Some(Made::InDoubt)) => KnownStep::Unknown,
            Some(Some(Made::Kept(value))) => KnownStep::Made(value.clone()),
            Some(None) => KnownStep::NotMade,
        }
    }

    /// Takes over all that the store has.
    pub(crate) fn were_read(&self, steps: Vec<Step>) {
        let mut known = self.known();
        let known = known.get_or_insert_default();
        let steps = steps.into_iter();
        known.extend(steps.map(|step| (step.name, Made::Kept(step.value))));
    }

    /// A step is about to be kept by the store.
    pub(crate) fn begins(&self, name: &str) {
        if let Some(known) = &mut *self.known() {
            known.insert(name.to_owned(), Made::InDoubt);
        }
    }

    /// The store has kept a step.
    pub(crate) fn is_kept(&self, step: Step) {
        if let Some(known) = &mut *self.known() {
            known.insert(step.name, Made::Kept(step.value));
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        unpoisoned(self.0.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str) -> Step {
        Step {
            name: name.to_owned(),
            value: name.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_store_is_asked_at_first_and_about_what_is_in_doubt() {
        let steps = MadeSteps::default();
        assert_eq!(steps.look("a"), KnownStep::Unknown);
        steps.were_read(vec![step("a")]);
        assert_eq!(steps.look("a"), KnownStep::Made(b"a".to_vec()));
        assert_eq!(steps.look("b"), KnownStep::NotMade);
        steps.begins("b");
        assert_eq!(steps.look("b"), KnownStep::Unknown);
        steps.were_read(vec![step("a")]);
        assert_eq!(steps.look("b"), KnownStep::Unknown, "it may be under way");
        steps.is_kept(step("b"));
        assert_eq!(steps.look("b"), KnownStep::Made(b"b".to_vec()));
    }
}
