//! Which jobs a command is about: some by their ids, or all that match.

use std::time::{SystemTime, UNIX_EPOCH};

use laneway_jobs::store::{JobPage, JobSearch, LIST_LIMIT, Store, StoreError};
use laneway_jobs::{JobId, JobState, KEY_LIMIT, NAME_LIMIT};

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
pub(crate) const UNIQUE: OptionSpec = value("unique", "KEY", "with this unique key");
pub(crate) const LIMIT_KEY: OptionSpec = value("limit-key", "KEY", "with this limit key");
pub(crate) const BATCH: OptionSpec =
    value("batch", "ID", "awaited by this job: its batch's members");
pub(crate) const SINCE: OptionSpec = value("since", "LENGTH", "enqueued in this time: 90s, 2h, 7d");
pub(crate) const UNTIL: OptionSpec = value("until", "LENGTH", "enqueued this long ago or earlier");
pub(crate) const ALL: OptionSpec = flag("all", "all jobs that match, in place of ids");
pub(crate) const YES: OptionSpec = flag("yes", "does it; without it, --all counts");

/// The options by which jobs are chosen, by their names.
pub(crate) const FILTERS: [&str; 9] = [
    "queue",
    "kind",
    "state",
    "error",
    "unique",
    "limit-key",
    "batch",
    "since",
    "until",
];

/// The search that the options ask for.
pub(crate) fn search(args: &Args) -> Result<JobSearch, Failure> {
    let now = SystemTime::now();
    let ago = |name| -> Result<Option<SystemTime>, Failure> {
        let length = args.length(name)?;
        Ok(length.map(|length| now.checked_sub(length).unwrap_or(UNIX_EPOCH)))
    };
    Ok(JobSearch {
        queue: args.named("queue", "the name of a queue", NAME_LIMIT)?,
        kind: kind(args)?,
        state: args.state("state")?,
        error: args.owned("error"),
        unique_key: unique_key(args)?,
        limit_key: args.named("limit-key", "a limit key", KEY_LIMIT)?,
        awaited_by: args.id("batch")?,
        since: ago("since")?,
        until: ago("until")?,
        limit: LIST_LIMIT,
        ..JobSearch::default()
    })
}

pub(crate) fn kind(args: &Args) -> Result<Option<String>, Failure> {
    args.named("kind", "a kind", NAME_LIMIT)
}

pub(crate) fn unique_key(args: &Args) -> Result<Option<String>, Failure> {
    args.named("unique", "a unique key", KEY_LIMIT)
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
