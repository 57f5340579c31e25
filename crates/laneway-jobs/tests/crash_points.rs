//! Is every job finished, and completed once, whatever step of the writer loses its work?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, Transition, Verdict};
use laneway_jobs::store::JobView;
use laneway_jobs::{Ctx, Job, JobError, JobId, Jobs, Limit, Retry, Worker};
use serde::{Deserialize, Serialize};

const JOBS: u32 = 40;

/// Loses some arrivals at one crash point: the first, and then one of so many.
#[derive(Debug)]
struct Losing {
    transition: Transition,
    moment: Moment,
    one_of: u32,
    arrivals: AtomicU32,
}

impl Probe for Losing {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        let here = (transition, moment) == (self.transition, self.moment);
        if !here {
            return Verdict::GoOn;
        }
        match self
            .arrivals
            .fetch_add(1, Relaxed)
            .is_multiple_of(self.one_of)
        {
            true => Verdict::Lose,
            false => Verdict::GoOn,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// How often each job ended well, as its own result says.
type Runs = Arc<Mutex<BTreeMap<u32, u32>>>;

/// A look may be lost as well.
async fn look(jobs: &Jobs, id: JobId) -> JobView {
    loop {
        if let Ok(mut views) = jobs.store().look(vec![id]).await {
            return views.pop().flatten().expect("the job is there");
        }
    }
}

async fn all_finish(probe: Arc<Losing>) -> Runs {
    let runs = Runs::default();
    let jobs = Jobs::new(SqliteOptions::new().probe(probe).memory().unwrap());
    let counted = runs.clone();
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(4))
        .retry(Retry::fixed(Duration::from_millis(1)))
        .lease(Duration::from_secs(2))
        .handle(move |Numbered(n), ctx: Ctx| {
            let counted = counted.clone();
            async move {
                *counted.lock().unwrap().entry(n).or_default() += 1;
                ctx.step("half", async { Ok::<_, JobError>(n) }).await
            }
        })
        .start(&Handle::current())
        .unwrap();
    let mut ids = Vec::new();
    for n in 0..JOBS {
        ids.push(jobs.enqueue(Numbered(n)).await.unwrap().id());
    }
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(jobs.wait::<u32>(id).await, Ok(n as u32));
        let view = look(&jobs, id).await;
        assert_eq!(view.crashes, 0, "no worker was lost");
    }
    assert!(worker.shutdown(Duration::from_secs(10)).await.is_clean());
    runs
}

fn lose(transition: Transition, moment: Moment) -> BTreeMap<u32, u32> {
    println!("{transition:?} {moment:?}");
    let arrivals = AtomicU32::new(0);
    let probe = Arc::new(Losing {
        transition,
        moment,
        one_of: 3,
        arrivals,
    });
    let run = Sim::seed(1)
        .max_steps(300_000)
        .run(all_finish(probe.clone()))
        .unwrap();
    assert!(
        probe.arrivals.load(Relaxed) > 0,
        "the crash point was reached"
    );
    let runs = run.output.lock().unwrap().clone();
    assert_eq!(runs.len(), JOBS as usize);
    runs
}

const MOMENTS: [Moment; 4] = [
    Moment::BeforeStatements,
    Moment::AfterStatements,
    Moment::AfterCommit,
    Moment::AfterAnswer,
];

/// The transitions that every job goes through.
const FIRST: [Transition; 4] = [
    Transition::Insert,
    Transition::Claim,
    Transition::InsertAndClaim,
    Transition::Settle,
];

#[test]
fn lost_inserts_claims_and_settlements_run_no_job_twice() {
    for transition in FIRST {
        for moment in MOMENTS {
            let runs = lose(transition, moment);
            assert!(runs.values().all(|&runs| runs == 1), "{runs:?}");
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Sum;

impl Job for Sum {
    const KIND: &'static str = "sum";
}

/// A batch whose members add one more each, and the two links of a chain: what follows runs once.
async fn what_follows_runs_once(probe: Arc<Losing>) -> Vec<String> {
    let runs: Arc<Mutex<Vec<String>>> = Arc::default();
    let counted = runs.clone();
    let jobs = Jobs::new(SqliteOptions::new().probe(probe).memory().unwrap());
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(4))
        .lease(Duration::from_secs(5))
        .handle(|Numbered(n), ctx: Ctx| async move {
            if n < JOBS {
                let _ = ctx.enqueue_member(Numbered(n + JOBS)).await?;
            }
            Ok::<_, JobError>(())
        })
        .handle(move |_: Sum, ctx: Ctx| {
            let counted = counted.clone();
            async move {
                let counts = ctx.batch_counts().await?;
                let text = format!("{} of {}", counts.done, counts.total);
                counted.lock().unwrap().push(text);
                Ok::<_, JobError>(())
            }
        })
        .start(&Handle::current())
        .unwrap();
    let members = (0..JOBS).map(|n| jobs.enqueue(Numbered(n)));
    let batch = jobs.batch().members(members).then(jobs.enqueue(Sum));
    let batch = batch.await.unwrap();
    assert_eq!(jobs.wait::<()>(batch.then).await, Ok(()));
    let chain = [jobs.enqueue(Numbered(JOBS)), jobs.enqueue(Sum)];
    let chain = jobs.enqueue_chain(chain).await.unwrap();
    assert_eq!(jobs.wait::<()>(chain[1]).await, Ok(()));
    assert!(worker.shutdown(Duration::from_secs(10)).await.is_clean());
    let runs = runs.lock().unwrap();
    runs.clone()
}

#[test]
fn a_batch_and_a_chain_go_on_once_whatever_is_lost() {
    for transition in FIRST {
        for moment in MOMENTS {
            println!("{transition:?} {moment:?}");
            let probe = Arc::new(Losing {
                transition,
                moment,
                // More than share a transaction, or every one would be lost.
                one_of: 11,
                arrivals: AtomicU32::new(0),
            });
            let run = Sim::seed(1)
                .max_steps(300_000)
                .run(what_follows_runs_once(probe));
            let members = format!("{0} of {0}", 2 * JOBS);
            assert_eq!(run.unwrap().output, [members, "1 of 1".to_owned()]);
        }
    }
}

#[test]
fn lost_notes_and_reads_lose_no_job() {
    for transition in [Transition::Note, Transition::Read] {
        for moment in MOMENTS {
            lose(transition, moment);
        }
    }
}
