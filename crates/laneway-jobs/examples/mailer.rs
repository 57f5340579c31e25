//! A worker within a program: mails that fail now and then are tried again, a digest is unique, and
//! a newsletter goes out by a cron schedule.
//!
//! `cargo run -p laneway-jobs --example mailer [FILE]` keeps its jobs in FILE, or in a file of its
//! own that it removes; with `-- --postgres URL` they are in that database. It sends a few mails,
//! prints what happens and ends by itself.

#[path = "../../../examples/output/mod.rs"]
mod output;

mod kept;

use std::process::ExitCode;
use std::time::Duration;

use kept::Kept;
use laneway::time::sleep;
use laneway::{Priority, Runtime};
use laneway_jobs::postgres::PostgresStore;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::FireOutcome;
use laneway_jobs::{
    Ctx, Enqueued, IfExists, Job, JobError, Jobs, Limit, Retry, Schedule, ScheduleError, Worker,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct SendMail {
    to: String,
}

impl Job for SendMail {
    const KIND: &'static str = "mail.send";
}

async fn send_mail(mail: SendMail, ctx: Ctx) -> Result<String, JobError> {
    if mail.to == "Grace" && ctx.attempt() < 3 {
        println!(
            "to {}: attempt {}: the server is busy",
            mail.to,
            ctx.attempt()
        );
        return Err(JobError::new("the server is busy"));
    }
    println!("to {}: sent in attempt {}", mail.to, ctx.attempt());
    Ok(format!("a receipt from {}", mail.to))
}

/// Every second, which a newsletter should not be: with a first field less it is every minute.
fn newsletter() -> Result<Schedule, ScheduleError> {
    Schedule::cron("newsletter", "* * * * * *", "Europe/Berlin").job(|_| SendMail {
        to: "the readers".to_owned(),
    })
}

type Failed = Box<dyn std::error::Error>;

fn run(kept: &Kept) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let jobs = match kept {
        Kept::File(file) => Jobs::new(SqliteStore::open(file)?),
        Kept::Own(folder) => Jobs::new(SqliteStore::open(folder.file())?),
        Kept::Postgres(url) => Jobs::new(rt.block_on(PostgresStore::connect(url))?),
    };
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(8))
        .handle_with(Retry::fixed(Duration::from_millis(200)), send_mail)
        .schedule(newsletter()?)
        .start(&rt)?;
    rt.block_on(send_some(&jobs))?;
    rt.block_on(see_a_newsletter(&jobs))?;
    let report = rt.block_on(worker.shutdown(Duration::from_secs(5)));
    println!("{report}");
    Ok(())
}

async fn send_some(jobs: &Jobs) -> Result<(), Failed> {
    let mut sent = Vec::new();
    for to in ["Ada", "Grace", "Edsger"] {
        let mail = SendMail { to: to.to_owned() };
        sent.push(jobs.enqueue(mail).lane(Priority::High).await?.id());
    }
    for _ in 0..2 {
        let digest = SendMail {
            to: "everyone".to_owned(),
        };
        let digest = jobs.enqueue(digest).after(Duration::from_millis(300));
        match digest.unique("digest", IfExists::Keep).await? {
            Enqueued::Inserted(id) => sent.push(id),
            Enqueued::Existing(id, state) => println!("the digest {id} is {state} already"),
        }
    }
    for id in sent {
        println!("{}", jobs.wait::<String>(id).await?);
    }
    Ok(())
}

async fn see_a_newsletter(jobs: &Jobs) -> Result<(), Failed> {
    loop {
        let schedules = jobs.schedules().await?;
        let mut fires = schedules.iter().flat_map(|schedule| &schedule.fires);
        let enqueued = fires.find_map(|fire| match fire.outcome {
            FireOutcome::Enqueued(id) => Some(id),
            _ => None,
        });
        if let Some(id) = enqueued {
            println!("{}", jobs.wait::<String>(id).await?);
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn main() -> ExitCode {
    output::may_end("mailer");
    let Some(kept) = Kept::of(std::env::args_os().skip(1).collect(), "mailer") else {
        eprintln!("usage: mailer [FILE | --postgres URL]   (where the jobs are kept)");
        return ExitCode::from(2);
    };
    match kept.map_err(Failed::from).and_then(|kept| run(&kept)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mailer: {error}");
            ExitCode::FAILURE
        }
    }
}
