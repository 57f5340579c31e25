//! How soon a job starts on an idle worker of the same process.

use std::time::{Duration, Instant};

use laneway::time::sleep;
use laneway_jobs::{Ctx, JobError, Limit, Worker};

use crate::assignment::Assignment;
use crate::no_op::NoOp;
use crate::opened::{Opened, PATIENCE, Raw};
use crate::statistics::median;

/// Within this time a worker comes to rest.
const REST: Duration = Duration::from_millis(5);

/// The work of a fresh process.
pub(crate) fn measure(assignment: &Assignment) {
    let opened = Opened::at(&assignment.address);
    opened.print_durability();
    let commits = commits(&opened, assignment.jobs);
    println!("commit us,{}", median(&commits));
    let (started, starts) = flume::unbounded();
    let worker = Worker::new(&opened.jobs)
        .queue("default", Limit::in_flight(64))
        .handle(move |_: NoOp, _: Ctx| {
            let _ = started.send(Instant::now());
            async { Ok::<_, JobError>(()) }
        })
        .start(&opened.rt)
        .expect("it is set up");
    let (mut known, mut begun) = (Vec::new(), Vec::new());
    opened.rt.block_on(async {
        for number in 0..assignment.jobs {
            sleep(REST).await;
            let asked = Instant::now();
            let enqueued = opened.jobs.enqueue(NoOp(number)).await;
            known.push(us(asked.elapsed()));
            let _ = enqueued.expect("it is enqueued");
            let start = starts.recv_async().await.expect("the worker runs it");
            begun.push(us(start - asked));
        }
        let _ = worker.shutdown(PATIENCE).await;
    });
    println!("known us,{}", median(&known));
    println!("start us,{}", median(&begun));
}

/// The time that the smallest possible commit takes in this database, with nothing between.
fn commits(opened: &Opened, times: u32) -> Vec<f64> {
    let insert = "INSERT INTO commits VALUES (1)";
    match &opened.raw {
        Raw::Sqlite(connection) => {
            let text = "PRAGMA synchronous = FULL; CREATE TABLE commits (n INTEGER)";
            connection.execute_batch(text).expect("a new table");
            let commit = |_| {
                std::thread::sleep(REST);
                let begun = Instant::now();
                connection.execute(insert, []).expect("there is room");
                us(begun.elapsed())
            };
            (0..times).map(commit).collect()
        }
        Raw::Postgres(client) => opened.rt.block_on(async {
            let made = client
                .batch_execute("CREATE TABLE commits (n integer)")
                .await;
            made.expect("a new table");
            let insert = client.prepare(insert).await.expect("it is prepared");
            let mut took = Vec::new();
            for _ in 0..times {
                sleep(REST).await;
                let begun = Instant::now();
                client.execute(&insert, &[]).await.expect("there is room");
                took.push(us(begun.elapsed()));
            }
            took
        }),
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
