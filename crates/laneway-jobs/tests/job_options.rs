//! Do the options of a type count wherever a job of it is enqueued, and those of a caller more?

use std::time::Duration;

use laneway::time::sleep;
use laneway_jobs::store::JobView;
use laneway_jobs::testing::{drain, simulated};
use laneway_jobs::{
    Ctx, Enqueue, Enqueued, IfExists, Job, JobError, JobId, Jobs, Limit, Schedule, Worker,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Invoice(u64);

impl Job for Invoice {
    const KIND: &'static str = "invoice";

    fn options(&self, enqueue: Enqueue) -> Enqueue {
        let enqueue = enqueue.queue("billing").max_attempts(5);
        enqueue.unique(self.0.to_string(), IfExists::Keep)
    }
}

#[derive(Serialize, Deserialize)]
struct Order(u64);

impl Job for Order {
    const KIND: &'static str = "order";
}

async fn view(jobs: &Jobs, id: JobId) -> JobView {
    jobs.find(id).await.unwrap().unwrap()
}

fn facts(view: &JobView) -> (&str, u32, Option<&str>) {
    (&view.queue, view.max_attempts, view.unique_key.as_deref())
}

#[test]
fn an_option_of_the_caller_counts_more_than_that_of_the_type() {
    simulated(|jobs| async move {
        let id = jobs.enqueue(Invoice(7)).await.unwrap().id();
        assert_eq!(facts(&view(&jobs, id).await), ("billing", 5, Some("7")));
        let again = jobs.enqueue(Invoice(7)).await.unwrap();
        assert!(matches!(again, Enqueued::Existing(first, _) if first == id));
        let other = jobs
            .enqueue(Invoice(7))
            .queue("other")
            .unique("8", IfExists::Keep);
        let other = other.await.unwrap().id();
        assert_eq!(facts(&view(&jobs, other).await), ("other", 5, Some("8")));
    });
}

#[test]
fn children_members_and_scheduled_jobs_have_the_options_of_their_type() {
    simulated(|jobs| async move {
        let worker = || {
            Worker::new(&jobs)
                .queue("default", Limit::in_flight(1))
                .handle(|Order(number): Order, ctx: Ctx| async move {
                    let invoice = ctx.enqueue(Invoice(number)).await?;
                    Ok::<_, JobError>(invoice.id())
                })
        };
        let order = jobs.enqueue(Order(1)).await.unwrap().id();
        assert_eq!(drain(&worker()).await.completed(), 1);
        let child: JobId = jobs.wait(order).await.unwrap();
        assert_eq!(facts(&view(&jobs, child).await), ("billing", 5, Some("1")));

        let batch = jobs.batch().member(jobs.enqueue(Invoice(2)));
        let batch = batch.then(jobs.enqueue(Order(2))).await.unwrap();
        let member = view(&jobs, batch.members[0].id()).await;
        assert_eq!(facts(&member), ("billing", 5, Some("2")));

        let hour = Duration::from_secs(3600);
        let hourly = Schedule::every("hourly", hour).job(|_| Invoice(3)).unwrap();
        let worker = worker().schedule(hourly).start(&laneway::Handle::current());
        let worker = worker.unwrap();
        sleep(hour + Duration::from_secs(1)).await; // of simulated time
        let _ = worker.shutdown(hour).await;
        let found = jobs.search(Default::default()).await.unwrap().jobs;
        // The schedule keeps its jobs one at a time by a key of its own.
        assert_eq!(facts(&found[0]).0, "billing");
        assert_eq!(facts(&found[0]).1, 5);
    });
}
