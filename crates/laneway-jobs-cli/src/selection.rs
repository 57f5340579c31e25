//! Which jobs a command is about: some by their ids, or all that match.

use laneway_jobs::store::{JobPage, JobSearch, LIST_LIMIT, Store, StoreError};
use laneway_jobs::{JobId, JobState};

use crate::args::Args;
use crate::failure::Failure;
use crate::spec::{OptionSpec, flag, value};

pub(crate) const QUEUE: OptionSpec = value("queue", "NAME", "of this queue");
pub(crate) const KIND: OptionSpec = value("kind", "KIND", "of this kind");
pub(crate) const STATE: OptionSpec = value(
    "state",
    "STATE",
    "in this state: ready, running, done, failed, cancelled, quarantined",
);
pub(crate) const ERROR: OptionSpec = value("error", "TEXT", "with this text in the last error");
pub(crate) const ALL: OptionSpec = flag("all", "all jobs that match, in place of ids");
pub(crate) const YES: OptionSpec = flag("yes", "does it; without it, --all counts");

/// The search that the options ask for.
pub(crate) fn search(args: &Args) -> Result<JobSearch, Failure> {
    Ok(JobSearch {
        queue: args.owned("queue"),
        kind: args.owned("kind"),
        state: args.state("state")?,
        error: args.owned("error"),
        limit: LIST_LIMIT,
        ..JobSearch::default()
    })
}

/// The next page of a search, which goes on behind it. `None` where there is no further one.
pub(crate) async fn next_page(
    store: &dyn Store,
    search: &mut Option<JobSearch>,
) -> Result<Option<JobPage>, StoreError> {
    let Some(wanted) = search.take() else {
        return Ok(None);
    };
    let page = store.search(vec![wanted.clone()]).await?;
    let page = page.into_iter().next().unwrap_or_default();
    *search = page.next.map(|next| JobSearch {
        before: Some(next),
        ..wanted
    });
    Ok(Some(page))
}

/// The ids of all jobs that match.
pub(crate) async fn all_ids(
    store: &dyn Store,
    search: JobSearch,
) -> Result<Vec<JobId>, StoreError> {
    let (mut search, mut ids) = (Some(search), Vec::new());
    while let Some(page) = next_page(store, &mut search).await? {
        ids.extend(page.jobs.iter().map(|job| job.id));
    }
    Ok(ids)
}

/// The state that a job has to be in for a change of all that match.
pub(crate) fn state_or(args: &Args, default: JobState) -> Result<JobState, Failure> {
    Ok(args.state("state")?.unwrap_or(default))
}
