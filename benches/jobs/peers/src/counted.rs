//! The tally of this process, which handlers reach without an argument.

use std::sync::OnceLock;
use std::time::Duration;

use crate::tally::Tally;

static TALLY: OnceLock<Tally> = OnceLock::new();

/// Stragglers come within this time.
const STRAGGLERS: Duration = Duration::from_millis(500);

pub(crate) fn begin(jobs: u32) {
    TALLY.set(Tally::of(jobs)).expect("it begins once");
}

pub(crate) fn tally() -> &'static Tally {
    TALLY.get().expect("it has begun")
}

/// The runs beyond the first of each job, once all have come.
pub(crate) async fn doubled() -> u32 {
    tokio::time::sleep(STRAGGLERS).await;
    tally().doubled()
}
