//! What holds after the writer has lost a renewal, a rescue, a pruning, a change, a caller's
//! transaction or a firing, at each of its steps?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Handle, Priority};
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, SqliteStore, Transition, Verdict};
use laneway_jobs::store::{
    Bounds, ByHand, Changed, Claim, ClaimId, ClaimOrder, ClaimedJob, FireOutcome, KeyRound,
    Pruning, Renewal, StoreError, WantedSchedules, Whom,
};
use laneway_jobs::{
    Ctx, Enqueued, IfExists, IfUnfinished, Job, JobError, JobState, Jobs, Limit, Schedule, Worker,
};
use serde::{Deserialize, Serialize};

const SECOND: Duration = Duration::from_secs(1);

const MOMENTS: [Moment; 4] = [
    Moment::BeforeStatements,
    Moment::AfterStatements,
    Moment::AfterCommit,
    Moment::AfterAnswer,
];

/// Loses every third arrival at one crash point, the first one included.
#[derive(Debug)]
struct Losing {
    transition: Transition,
    moment: Moment,
    arrivals: AtomicU32,
}

impl Probe for Losing {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        let here = (transition, moment) == (self.transition, self.moment);
        match here && self.arrivals.fetch_add(1, Relaxed).is_multiple_of(3) {
            true => Verdict::Lose,
            false => Verdict::GoOn,
        }
    }
}

/// Runs a story once for each moment, with a store that loses that step.
fn at_each_moment<F>(transition: Transition, story: fn(SqliteStore) -> F)
where
    F: Future<Output = ()> + Send,
{
    for moment in MOMENTS {
        println!("{transition:?} {moment:?}");
        let probe = Arc::new(Losing {
            transition,
            moment,
            arrivals: AtomicU32::new(0),
        });
        let run = Sim::seed(1).max_steps(300_000).run(async {
            let start = SystemTime::UNIX_EPOCH + 1_767_225_600 * SECOND;
            let options = SqliteOptions::new().wall_clock(start);
            story(options.probe(probe.clone()).memory().unwrap()).await;
        });
        run.unwrap();
        assert!(
            probe.arrivals.load(Relaxed) > 0,
            "the crash point was reached"
        );
    }
}

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

type Runs = Arc<Mutex<BTreeMap<u32, u32>>>;

/// A worker whose handler takes some time.
fn worker(jobs: &Jobs, takes: Duration) -> (Worker, Runs) {
    let runs = Runs::default();
    let counted = runs.clone();
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(4))
        .lease(2 * SECOND)
        .prune(None)
        .handle(move |Numbered(n), _: Ctx| {
            let counted = counted.clone();
            async move {
                sleep(takes).await;
                *counted.lock().unwrap().entry(n).or_default() += 1;
                Ok::<_, JobError>(n)
            }
        });
    (worker, runs)
}

async fn all_finish(jobs: &Jobs, worker: Worker) {
    let worker = worker.start(&Handle::current()).unwrap();
    for n in 0..8 {
        let id = jobs.enqueue(Numbered(n)).await.unwrap().id();
        assert_eq!(jobs.wait::<u32>(id).await, Ok(n));
    }
    assert!(worker.shutdown(10 * SECOND).await.is_clean());
}

#[test]
fn a_lost_renewal_loses_no_lease() {
    at_each_moment(Transition::Renew, |store| async {
        let jobs = Jobs::new(store);
        let (worker, runs) = worker(&jobs, 5 * SECOND);
        all_finish(&jobs, worker).await;
        let runs = runs.lock().unwrap();
        assert!(
            runs.len() == 8 && runs.values().all(|&runs| runs == 1),
            "{runs:?}"
        );
    });
}

fn claim(limit: usize) -> Claim {
    Claim {
        id: ClaimId::from_bytes([7; 16]),
        queue: "default".to_owned(),
        kinds: vec!["numbered".to_owned()],
        limit,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease: SECOND,
        worker: "lost".to_owned(),
        bounds: Bounds::default(),
        round: KeyRound::default(),
    }
}

#[test]
fn a_claim_that_is_asked_about_again_has_its_jobs_whatever_is_lost() {
    at_each_moment(Transition::ClaimedBy, |store| async {
        let jobs = Jobs::new(store);
        let all = (0..4).map(|n| jobs.enqueue(Numbered(n)));
        let ids = jobs.enqueue_all(all).await.unwrap();
        let claimed = jobs.store().claim(claim(4)).await.unwrap();
        let store = jobs.store();
        let again = loop {
            match store.claimed_by(claim(4).id, 5 * SECOND).await {
                Ok(again) => break again,
                Err(error) => assert_eq!(error, StoreError::OutcomeUnknown),
            }
        };
        assert_eq!(again.len(), ids.len());
        for (job, before) in again.iter().zip(&claimed.jobs) {
            assert_eq!((job.id, job.fence), (before.id, before.fence));
            assert_eq!((job.attempt, job.crashes), (1, 0));
        }
        sleep(2 * SECOND).await;
        let held: Vec<_> = again.iter().map(ClaimedJob::held).collect();
        let renewed = store.renew(held, SECOND).await.unwrap();
        assert!(
            renewed.iter().all(|one| *one != Renewal::LeaseLost),
            "the answer came with a lease: {renewed:?}"
        );
    });
}

#[test]
fn a_lost_rescue_is_made_again_and_charges_one_crash() {
    at_each_moment(Transition::Rescue, |store| async {
        let jobs = Jobs::new(store);
        let all = (0..4).map(|n| jobs.enqueue(Numbered(n)).lane(Priority::High));
        let ids = jobs.enqueue_all(all).await.unwrap();
        let claimed = jobs.store().claim(claim(4)).await.unwrap();
        assert_eq!(claimed.jobs.len(), 4, "and their worker is lost");
        sleep(2 * SECOND).await;
        let (worker, _) = worker(&jobs, Duration::ZERO);
        let worker = worker.start(&Handle::current()).unwrap();
        for id in ids {
            assert!(jobs.wait::<u32>(id.id()).await.is_ok());
            let view = jobs.store().look(vec![id.id()]).await.unwrap().remove(0);
            assert_eq!(view.unwrap().crashes, 1);
        }
        assert!(worker.shutdown(10 * SECOND).await.is_clean());
    });
}

#[test]
fn a_lost_pruning_deletes_old_jobs_and_no_others() {
    at_each_moment(Transition::Prune, |store| async {
        let jobs = Jobs::new(store);
        let (worker, _) = worker(&jobs, Duration::ZERO);
        all_finish(&jobs, worker).await;
        let later = jobs
            .enqueue(Numbered(9))
            .after(3600 * SECOND)
            .await
            .unwrap()
            .id();
        sleep(SECOND).await;
        let pruning = Pruning {
            done_after: SECOND,
            limit: 3,
            ..Pruning::default()
        };
        let mut rounds = 0;
        while jobs.store().prune(pruning).await != Ok(0) {
            rounds += 1;
            assert!(rounds < 20, "it comes to an end");
        }
        let left = jobs.search(Default::default()).await.unwrap().jobs;
        assert_eq!(left.iter().map(|view| view.id).collect::<Vec<_>>(), [later]);
    });
}

#[test]
fn a_lost_change_that_is_sent_again_is_as_if_it_was_sent_once() {
    at_each_moment(Transition::Change, |store| async {
        let jobs = Jobs::new(store);
        let id = jobs.enqueue(Numbered(1)).await.unwrap().id();
        for (change, state) in [
            (ByHand::Cancel(id), JobState::Cancelled),
            (ByHand::Retry(id), JobState::Ready),
            (ByHand::Cancel(id), JobState::Cancelled),
        ] {
            let changed = loop {
                match jobs.store().change(vec![change.clone()]).await {
                    Err(error) => assert_eq!(error, StoreError::OutcomeUnknown),
                    Ok(changed) => break changed[0],
                }
            };
            // Sent again after it was made, it finds the state that it leads to.
            assert!(
                [Changed::Done, Changed::Not(state)].contains(&changed),
                "{changed:?}"
            );
            let view = jobs.store().look(vec![id]).await.unwrap().remove(0);
            assert_eq!(view.unwrap().state, state);
        }
    });
}

#[test]
fn a_lost_transaction_keeps_the_purse_and_the_job_or_neither() {
    at_each_moment(Transition::Transact, |store| async move {
        let jobs = Jobs::new(store.clone());
        for _ in 0..2 {
            // The first may be lost.
            let table = "CREATE TABLE IF NOT EXISTS purse (coins INTEGER)";
            let _ = store.transact(move |to| to.execute_batch(table)).await;
        }
        for n in 0..12 {
            let job = jobs
                .enqueue(Numbered(n))
                .unique(n.to_string(), IfExists::Keep);
            let pay = store.transact(move |to| {
                to.execute("INSERT INTO purse VALUES (1)", [])?;
                let enqueued = job.enqueue_in(to)?;
                assert!(matches!(enqueued, Enqueued::Inserted(_)));
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            });
            let _ = pay.await;
        }
        let count = |to: &rusqlite::Transaction<'_>| {
            to.query_row("SELECT count(*) FROM purse", [], |row| row.get::<_, u32>(0))
        };
        let coins = loop {
            if let Ok(coins) = store.transact(count).await {
                break coins;
            }
        };
        let all = jobs.search(Default::default()).await.unwrap().jobs;
        assert_eq!(all.len(), coins as usize);
        assert!(coins >= 8, "a third was lost at most: {coins}");
    });
}

#[test]
fn a_lost_firing_fires_each_instant_once() {
    at_each_moment(Transition::Fire, |store| async {
        let jobs = Jobs::new(store);
        let start = || {
            let schedule = Schedule::every("tick", SECOND)
                .if_unfinished(IfUnfinished::Allow)
                .missed(laneway_jobs::Missed::All(100))
                .job(|_| Numbered(0));
            let (worker, _) = worker(&jobs, Duration::ZERO);
            let worker = worker.schedule(schedule.unwrap());
            worker.start(&Handle::current()).unwrap()
        };
        let workers = [start(), start(), start()];
        sleep(30 * SECOND + SECOND / 2).await;
        for worker in workers {
            assert!(worker.shutdown(10 * SECOND).await.is_clean());
        }
        assert_each_instant_has_its_job(&jobs, 30).await;
    });
}

async fn assert_each_instant_has_its_job(jobs: &Jobs, instants: usize) {
    let wanted = WantedSchedules {
        names: None,
        fires: 100,
    };
    let mut now = jobs.store().schedules(wanted).await.unwrap();
    let fires = now.schedules.remove(0).fires;
    let steps = fires
        .windows(2)
        .map(|two| two[0].at.duration_since(two[1].at));
    assert!(
        steps.into_iter().all(|step| step.unwrap() == SECOND),
        "{fires:?}"
    );
    let mut fired = Vec::new();
    for fire in fires {
        match fire.outcome {
            FireOutcome::Enqueued(id) => fired.push(id),
            other => panic!("{other:?}"),
        }
    }
    let all = jobs.search(Default::default()).await.unwrap().jobs;
    let mut ids: Vec<_> = all.iter().map(|view| view.id).collect();
    fired.sort();
    ids.sort();
    assert_eq!(
        fired, ids,
        "each instant has its job, and each job its instant"
    );
    assert_eq!(ids.len(), instants);
}
