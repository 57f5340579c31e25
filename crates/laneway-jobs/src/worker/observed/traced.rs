//! A span of the `tracing` crate for each attempt (feature `tracing`).

use std::future::Future;

use tracing::{Instrument, info_span};

use crate::store::ClaimedJob;

/// An attempt within its span, which the handler's own spans and events are in.
pub(crate) fn within<F: Future>(
    job: &ClaimedJob,
    queue: &str,
    attempt: F,
) -> impl Future<Output = F::Output> + use<F> {
    let span = info_span!(
        target: "laneway_jobs",
        "job",
        id = %job.id,
        kind = job.kind,
        queue,
        lane = ?job.lane,
        attempt = job.attempt,
    );
    attempt.instrument(span)
}
