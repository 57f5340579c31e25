//! Does an idle worker leave the database alone?

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, Transition, Verdict};
use laneway_jobs::store::WantedSchedules;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Schedule, Worker};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default)]
struct Counting(AtomicU32);

impl Probe for Counting {
    fn reached(&self, _: Transition, moment: Moment) -> Verdict {
        if moment == Moment::BeforeStatements {
            self.0.fetch_add(1, Relaxed);
        }
        Verdict::GoOn
    }
}

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

#[test]
fn an_idle_worker_makes_no_query() {
    let run = Sim::seed(0).run(async {
        let counting = Arc::new(Counting::default());
        let jobs = Jobs::new(
            SqliteOptions::new()
                .probe(counting.clone())
                .memory()
                .unwrap(),
        );
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .handle(|_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&Handle::current())
            .unwrap();
        let id = jobs.enqueue(Nothing).await.unwrap().id();
        jobs.wait::<()>(id).await.unwrap();
        // The first pruning comes a second after the start.
        sleep(Duration::from_secs(2)).await;
        let before = counting.0.load(Relaxed);
        sleep(Duration::from_secs(300)).await;
        assert_eq!(counting.0.load(Relaxed), before);
        let _ = worker.shutdown(Duration::from_secs(1)).await;
    });
    run.unwrap();
}

#[test]
fn a_worker_with_a_schedule_makes_no_query_between_its_instants() {
    let run = Sim::seed(0).run(async {
        let counting = Arc::new(Counting::default());
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let options = SqliteOptions::new().wall_clock(start);
        let options = options.probe(counting.clone());
        let jobs = Jobs::new(options.memory().unwrap());
        let hour = Duration::from_secs(3600);
        let schedule = Schedule::every("hourly", hour).job(|_| Nothing).unwrap();
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .prune(None)
            .handle(|_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) })
            .schedule(schedule)
            .start(&Handle::current())
            .unwrap();
        let wanted = WantedSchedules::default;
        sleep(Duration::from_secs(1)).await;
        let now = jobs.store().schedules(wanted()).await.unwrap();
        let next = now.schedules[0].next.unwrap();
        sleep(next.duration_since(now.now).unwrap() + hour / 60).await;
        let before = counting.0.load(Relaxed);
        sleep(hour / 2).await;
        assert_eq!(counting.0.load(Relaxed), before);
        let _ = worker.shutdown(Duration::from_secs(1)).await;
    });
    run.unwrap();
}
