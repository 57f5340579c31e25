//! Locks whose holders do not panic halfway.

use std::sync::{LockResult, PoisonError};

/// The guard, also when an earlier holder panicked: no lock here is held across a user's code.
pub(crate) fn unpoisoned<G>(result: LockResult<G>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}
