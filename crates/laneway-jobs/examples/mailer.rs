//! A worker within a program: mails that fail now and then are tried again, a digest is unique, and
//! a newsletter goes out by a cron schedule.
//!
//! `cargo run -p laneway-jobs --example mailer [FILE]` keeps its jobs in FILE, or in a file of its
//! own that it removes. It sends a few mails, prints what happens and ends by itself.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use laneway::time::sleep;
use laneway::{Priority, Runtime};
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

fn run(file: &PathBuf) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let jobs = Jobs::new(SqliteStore::open(file)?);
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
    let mut arguments = std::env::args_os().skip(1);
    let (file, more) = (arguments.next().map(PathBuf::from), arguments.next());
    let is_option = file
        .as_ref()
        .is_some_and(|file| file.to_string_lossy().starts_with('-'));
    if more.is_some() || is_option {
        eprintln!("usage: mailer [FILE]   (the file in which the jobs are kept)");
        return ExitCode::from(2);
    }
    let folder = std::env::temp_dir().join(format!("laneway-mailer-{}", std::process::id()));
    let own = file.is_none().then(|| std::fs::create_dir_all(&folder));
    let ended = run(&file.unwrap_or_else(|| folder.join("jobs.db")));
    if own.is_some() {
        // It is in the folder for such files, which the system empties in any case.
        let _ = std::fs::remove_dir_all(&folder);
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mailer: {error}");
            ExitCode::FAILURE
        }
    }
}
