//! Assertions about the jobs that are enqueued.

use std::fmt::Write;
use std::future::Future;
use std::panic::Location;

use crate::job::Job;
use crate::job_state::JobState;
use crate::jobs::Jobs;
use crate::payload::decode;
use crate::store::{JobSearch, JobView};

/// At most this many jobs are listed where an assertion fails.
const LISTED: usize = 20;
/// And this many characters of each one's payload.
const SHOWN: usize = 200;

/// Asserts that an unfinished job (ready or running) of the type `T` matches.
///
/// # Panics
///
/// If none does; the message lists the unfinished jobs that are there.
///
/// ```
/// use laneway_jobs::testing::{assert_enqueued, simulated};
/// use laneway_jobs::Job;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendMail {
///     to: String,
/// }
/// impl Job for SendMail {
///     const KIND: &'static str = "mail.send";
/// }
///
/// simulated(|jobs| async move {
///     jobs.enqueue(SendMail { to: "Ada".to_owned() }).await.unwrap();
///     assert_enqueued::<SendMail>(&jobs, |mail| mail.to == "Ada").await;
/// });
/// ```
#[track_caller]
pub fn assert_enqueued<T: Job>(
    jobs: &Jobs,
    matches: impl Fn(&T) -> bool,
) -> impl Future<Output = ()> {
    let here = Location::caller();
    async move {
        let found = Found::look(jobs, matches).await;
        let kind = T::KIND;
        assert!(
            !found.matching.is_empty(),
            "no unfinished job of the kind {kind:?} matches, at {here}\n{}",
            listed(&found.all)
        );
    }
}

/// Asserts that no unfinished job (ready or running) of the type `T` matches.
///
/// # Panics
///
/// If one does; the message lists those that match.
///
/// ```
/// use laneway_jobs::testing::{assert_not_enqueued, simulated};
/// # use laneway_jobs::Job;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)]
/// # struct SendMail {
/// #     to: String,
/// # }
/// # impl Job for SendMail {
/// #     const KIND: &'static str = "mail.send";
/// # }
/// simulated(|jobs| async move {
///     jobs.enqueue(SendMail { to: "Ada".to_owned() }).await.unwrap();
///     assert_not_enqueued::<SendMail>(&jobs, |mail| mail.to == "Grace").await;
/// });
/// ```
#[track_caller]
pub fn assert_not_enqueued<T: Job>(
    jobs: &Jobs,
    matches: impl Fn(&T) -> bool,
) -> impl Future<Output = ()> {
    let here = Location::caller();
    async move {
        let found = Found::look(jobs, matches).await;
        let (kind, count) = (T::KIND, found.matching.len());
        assert!(
            count == 0,
            "{count} unfinished jobs of the kind {kind:?} match, at {here}\n{}",
            listed(&found.matching)
        );
    }
}

/// The unfinished jobs, the newest first.
struct Found {
    all: Vec<JobView>,
    matching: Vec<JobView>,
}

impl Found {
    async fn look<T: Job>(jobs: &Jobs, matches: impl Fn(&T) -> bool) -> Found {
        let mut all = unfinished(jobs, JobState::Ready).await;
        all.extend(unfinished(jobs, JobState::Running).await);
        let is_one = |view: &JobView| {
            let is_kind = view.kind == T::KIND || T::OLD_KINDS.contains(&&*view.kind);
            is_kind && decode(&view.payload).is_ok_and(|job| matches(&job))
        };
        let matching = all.iter().filter(|view| is_one(view)).cloned().collect();
        Found { all, matching }
    }
}

async fn unfinished(jobs: &Jobs, state: JobState) -> Vec<JobView> {
    let mut all = Vec::new();
    let mut search = JobSearch {
        state: Some(state),
        ..JobSearch::default()
    };
    loop {
        let page = jobs.search(search.clone()).await;
        let page = page.expect("the store finds jobs");
        let ids = page.jobs.iter().map(|view| view.id).collect();
        // Searches leave the payloads out.
        let whole = jobs.store().look(ids).await;
        all.extend(whole.expect("the store shows jobs").into_iter().flatten());
        search.before = page.next;
        if page.next.is_none() {
            return all;
        }
    }
}

fn listed(jobs: &[JobView]) -> String {
    let mut text = match jobs.len() {
        0 => return "there is no unfinished job".to_owned(),
        1 => "one job is there:".to_owned(),
        count => format!("{count} jobs are there:"),
    };
    for job in jobs.iter().take(LISTED) {
        let payload = String::from_utf8_lossy(&job.payload);
        let shown: String = payload.chars().take(SHOWN).collect();
        let _ = write!(text, "\n  {} {}: {shown}", job.state, job.kind);
    }
    if jobs.len() > LISTED {
        let _ = write!(text, "\n  and {} more", jobs.len() - LISTED);
    }
    text
}
