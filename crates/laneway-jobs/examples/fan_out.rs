//! A batch: pages are read apart from each other, each adds its pictures, a report follows.
//!
//! `cargo run -p laneway-jobs --example fan_out [PAGES]` fans out over this number of pages, 12
//! where none is said, and at most 10,000. The jobs are kept in memory, or with `-- --postgres URL`
//! in that database. It ends by itself.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::process::ExitCode;
use std::time::Duration;

use laneway::Runtime;
use laneway_jobs::postgres::PostgresStore;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Retry, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Page(u32);

impl Job for Page {
    const KIND: &'static str = "page";
}

#[derive(Serialize, Deserialize)]
struct Picture {
    page: u32,
}

impl Job for Picture {
    const KIND: &'static str = "picture";
}

#[derive(Serialize, Deserialize)]
struct Report;

impl Job for Report {
    const KIND: &'static str = "report";
}

/// Every third page has a picture, which joins the batch; page 5 is torn.
async fn read_page(Page(number): Page, ctx: Ctx) -> Result<(), JobError> {
    if number == 5 {
        return Err(Retry::never("the page is torn"));
    }
    if number.is_multiple_of(3) {
        let _ = ctx.enqueue_member(Picture { page: number }).await?;
    }
    Ok(())
}

async fn read_picture(picture: Picture, _: Ctx) -> Result<u32, JobError> {
    Ok(picture.page)
}

/// Runs once, when every page and every picture has ended.
async fn report(_: Report, ctx: Ctx) -> Result<String, JobError> {
    let counts = ctx.batch_counts().await?;
    Ok(format!(
        "{} jobs: {} done, {} failed",
        counts.total, counts.done, counts.failed
    ))
}

/// A chain: the second picture is read when the first one is done.
async fn one_by_one(jobs: &Jobs) -> Result<(), Failed> {
    let links = [
        jobs.enqueue(Picture { page: 1 }),
        jobs.enqueue(Picture { page: 2 }),
    ];
    let ids = jobs.enqueue_chain(links).await?;
    let last = jobs.wait::<u32>(ids[1]).await?;
    println!("the chain ended with page {last}");
    Ok(())
}

type Failed = Box<dyn std::error::Error>;

async fn fan_out(jobs: &Jobs, pages: u32) -> Result<(), Failed> {
    let members = (1..=pages).map(|number| jobs.enqueue(Page(number)));
    let batch = jobs.batch().members(members);
    let batch = batch.then(jobs.enqueue(Report)).await?;
    println!("{} pages are enqueued", batch.members.len());
    println!("{}", jobs.wait::<String>(batch.then).await?);
    one_by_one(jobs).await
}

fn run(asked: &Asked) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let jobs = match &asked.postgres {
        None => Jobs::new(SqliteStore::memory()?),
        Some(url) => Jobs::new(rt.block_on(PostgresStore::connect(url))?),
    };
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(8))
        .handle(read_page)
        .handle(read_picture)
        .handle(report)
        .start(&rt)?;
    rt.block_on(fan_out(&jobs, asked.pages))?;
    println!("{}", rt.block_on(worker.shutdown(Duration::from_secs(5))));
    Ok(())
}

const MOST: u32 = 10_000;

/// The arguments.
struct Asked {
    pages: u32,
    postgres: Option<String>,
}

impl Asked {
    fn read() -> Option<Asked> {
        let arguments: Option<Vec<String>> = std::env::args_os()
            .skip(1)
            .map(|argument| argument.into_string().ok())
            .collect();
        let mut asked = Asked {
            pages: 12,
            postgres: None,
        };
        let mut arguments = arguments?.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--postgres" => asked.postgres = Some(arguments.next()?),
                number => asked.pages = number.parse().ok()?,
            }
        }
        (asked.pages <= MOST).then_some(asked)
    }
}

fn main() -> ExitCode {
    output::may_end("fan_out");
    let Some(asked) = Asked::read() else {
        eprintln!("usage: fan_out [PAGES] [--postgres URL]   (a number, at most {MOST})");
        return ExitCode::from(2);
    };
    match run(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fan_out: {error}");
            ExitCode::FAILURE
        }
    }
}
