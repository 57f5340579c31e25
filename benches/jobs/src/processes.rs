//! Several worker processes on one Postgres.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use laneway_jobs::{Ctx, JobError, JobState, Limit, Worker};

use crate::assignment::Assignment;
use crate::figures::{Figure, Figures};
use crate::gauge::Gauge;
use crate::no_op::NoOp;
use crate::opened::{Opened, PATIENCE};
use crate::peer::Peer;
use crate::program::{Fresh, Work, ours};

/// How many processes share the work.
pub(crate) const COUNTS: [usize; 3] = [1, 2, 4];
/// A process that has got no job for this long has drained the queue with the others.
const DRAINED: Duration = Duration::from_secs(1);

/// The work of one of them. It waits for a line before it begins. It prints the numbers of the jobs
/// that it ran, and when it ran the last one.
pub(crate) fn work(assignment: &Assignment) {
    let opened = Opened::at(&assignment.address);
    let (ran, runs) = flume::unbounded();
    let worker = Worker::new(&opened.jobs)
        .queue("default", Limit::in_flight(64))
        .handle(move |NoOp(number): NoOp, _: Ctx| {
            let _ = ran.send((number, now_s()));
            async { Ok::<_, JobError>(()) }
        });
    println!("ready");
    let mut line = String::new();
    let _ = io::stdin().read_line(&mut line);
    let gauge = Gauge { server: None };
    let begun = gauge.begin();
    let worker = worker.start(&opened.rt).expect("it is set up");
    let mut numbers = Vec::new();
    let mut ended = now_s();
    while let Ok((number, at)) = runs.recv_timeout(DRAINED) {
        numbers.push(number);
        ended = at;
    }
    let _ = opened.rt.block_on(worker.shutdown(PATIENCE));
    println!("own s,{}", gauge.end(&begun).own_s);
    println!("ended,{ended}");
    for number in numbers {
        println!("ran,{number}");
    }
}

/// Enqueues, lets so many processes drain, and adds what came of it.
pub(crate) fn measure(
    count: usize,
    round: usize,
    assignment: &Assignment,
    figures: &mut Figures,
) -> io::Result<()> {
    let opened = Opened::at(&assignment.address);
    opened.enqueue(assignment.jobs);
    let mut processes = Vec::new();
    for _ in 0..count {
        let mut process = Fresh::start(&mut ours(Work::Process, assignment)?)?;
        process.wait_for("ready")?;
        processes.push(process);
    }
    let server = Gauge {
        server: assignment.server,
    };
    let (begun, began) = (server.begin(), now_s());
    for process in &mut processes {
        process.tell("begin")?;
    }
    let mut seen = Seen::of(assignment.jobs);
    for process in processes {
        for line in process.lines()? {
            seen.read(&line)?;
        }
    }
    let jobs = f64::from(assignment.jobs);
    let mut add = |name: &str, value: f64| {
        figures.push(
            round,
            Peer::Laneway,
            Figure::new(format!("{count} {name}"), value),
        );
    };
    add("jobs/s", jobs / (seen.ended - began));
    add("us", seen.own_s * 1e6 / jobs);
    if let Some(server) = server.end(&begun).server_s {
        add("server us", server * 1e6 / jobs);
    }
    add("lost", f64::from(seen.lost()));
    add("doubled", f64::from(seen.doubled()));
    add("not done", jobs - done(&opened) as f64);
    Ok(())
}

/// The jobs that the database says are done.
fn done(opened: &Opened) -> u64 {
    let counts = opened
        .rt
        .block_on(opened.jobs.store().counts(u64::MAX >> 1));
    let counts = counts.expect("the store is open");
    let done = counts.iter().filter(|count| count.state == JobState::Done);
    done.map(|count| count.count).sum()
}

/// The reports of all processes.
#[derive(Debug)]
struct Seen {
    runs: Vec<u32>,
    own_s: f64,
    ended: f64,
}

impl Seen {
    fn of(jobs: u32) -> Seen {
        Seen {
            runs: vec![0; jobs as usize],
            own_s: 0.0,
            ended: 0.0,
        }
    }

    fn read(&mut self, line: &str) -> io::Result<()> {
        let figure = Figure::parse(line)?;
        match &*figure.name {
            "ran" => self.runs[figure.value as usize] += 1,
            "own s" => self.own_s += figure.value,
            "ended" => self.ended = self.ended.max(figure.value),
            _ => return Err(io::Error::other(format!("{line:?} was not expected"))),
        }
        Ok(())
    }

    fn lost(&self) -> u32 {
        self.runs.iter().map(|&runs| u32::from(runs == 0)).sum()
    }

    fn doubled(&self) -> u32 {
        self.runs.iter().map(|runs| runs.saturating_sub(1)).sum()
    }
}

/// The time that all processes of a machine share.
fn now_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs_f64()
}
