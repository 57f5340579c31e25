//! A test under a virtual clock.

use std::future::Future;
use std::time::{Duration, SystemTime};

use laneway::sim::Sim;

use crate::jobs::Jobs;
use crate::sqlite::SqliteOptions;

/// Midnight of the first of January 2026, UTC: a Thursday.
const START: Duration = Duration::from_secs(1_767_225_600);

/// Runs a test with a fresh store in memory within [`laneway::sim`], where clocks jump to the next
/// thing that happens.
///
/// T begins with the first of January 2026, UTC, so that schedules fire at the same instants in
/// each run. A test that wants another time, or other seeds, opens its store by
/// [`SqliteOptions`] within a [`Sim`] of its own.
///
/// # Panics
///
/// If the test does, or waits for what will not come.
///
/// ```
/// use laneway::Handle;
/// use laneway::time::{now, sleep};
/// use laneway_jobs::testing::simulated;
/// use laneway_jobs::{Ctx, Job, JobError, Limit, Retry, Worker};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Call;
/// impl Job for Call {
///     const KIND: &'static str = "call";
/// }
///
/// let hour = Duration::from_secs(3600);
/// let waited = simulated(|jobs| async move {
///     let begun = now();
///     let worker = Worker::new(&jobs)
///         .queue("default", Limit::in_flight(8))
///         .retry(Retry::fixed(hour))
///         .handle(|_: Call, ctx: Ctx| async move {
///             match ctx.attempt() {
///                 3 => Ok("reached".to_owned()),
///                 _ => Err(JobError::new("busy")),
///             }
///         })
///         .start(&Handle::current())
///         .unwrap();
///     let id = jobs.enqueue(Call).await.unwrap().id();
///     assert_eq!(jobs.wait::<String>(id).await.unwrap(), "reached");
///     let _ = worker.shutdown(hour).await;
///     now() - begun
/// });
/// assert!(waited >= 2 * hour);
/// ```
pub fn simulated<F, Fut>(test: F) -> Fut::Output
where
    F: FnOnce(Jobs) -> Fut + Send,
    Fut: Future + Send,
    Fut::Output: Send,
{
    let run = Sim::seed(0).run(async {
        let options = SqliteOptions::new().wall_clock(SystemTime::UNIX_EPOCH + START);
        let store = options.memory().expect("SQLite starts");
        test(Jobs::new(store)).await
    });
    run.unwrap_or_else(|error| panic!("{error}")).output
}
