//! The dashboard in a browser, with a worker and jobs of some kinds so that there is something to
//! look at.
//!
//! `cargo run -p laneway-jobs --example dashboard -- --listen 127.0.0.1:8080 [FILE]` keeps its jobs
//! in FILE, or in memory. It ends with Ctrl-C; `--idle` enqueues nothing, `--read-only` changes
//! nothing, `--token TOKEN` lets other machines in that give it.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use laneway::net::TcpListener;
use laneway::time::sleep;
use laneway::{Priority, Runtime};
use laneway_http::{BodyError, RequestBody, Server, service_fn};
use laneway_jobs::dashboard::{Dashboard, PageRequest};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Retry, Schedule, StartError, Worker};
use serde::{Deserialize, Serialize};

const USAGE: &str = "usage: dashboard [--listen ADDRESS:PORT] [--idle] [--read-only] \
    [--token TOKEN] [FILE]";

type Failed = Box<dyn std::error::Error>;

/// Answers a request by a page.
async fn answer(
    dashboard: Dashboard,
    request: Request<RequestBody>,
) -> Result<Response<Full<bytes::Bytes>>, BodyError> {
    let (head, body) = request.into_parts();
    let target = head.uri.to_string();
    let mut asked = PageRequest::new(head.method.as_str(), &target).peer(body.peer().ip());
    for (name, value) in &head.headers {
        asked = asked.header(name.as_str(), value.as_bytes());
    }
    let page = dashboard
        .page(asked.body(body.collect().await?.to_bytes()))
        .await;
    let mut answer = Response::builder().status(page.status);
    for (name, value) in page.headers {
        answer = answer.header(name, value);
    }
    let body = Full::new(page.body.into());
    Ok(answer
        .body(body)
        .expect("the dashboard's headers are sound"))
}

#[derive(Serialize, Deserialize)]
struct SendMail {
    to: String,
    number: u32,
}

impl Job for SendMail {
    const KIND: &'static str = "mail.send";
}

/// One of ten meets a busy server, and every hundredth address is wrong.
async fn send_mail(mail: SendMail, ctx: Ctx) -> Result<String, JobError> {
    sleep(Duration::from_millis(fastrand::u64(5..60))).await;
    match mail.number {
        number if number.is_multiple_of(100) => {
            Err(Retry::never(format!("mailbox {number} does not exist")))
        }
        number if number.is_multiple_of(10) && ctx.attempt() < 3 => {
            let port = fastrand::u16(40_000..60_000);
            Err(JobError::new(format!(
                "10.0.0.7:{port}: the server is busy"
            )))
        }
        _ => Ok(format!("a receipt from {}", mail.to)),
    }
}

#[derive(Serialize, Deserialize)]
struct MakeReport {
    month: String,
}

impl Job for MakeReport {
    const KIND: &'static str = "report.make";
}

async fn make_report(report: MakeReport, ctx: Ctx) -> Result<u32, JobError> {
    let rows: u32 = ctx
        .step("count", async { Ok::<_, JobError>(1_200) })
        .await?;
    for part in 0..=20 {
        let text = format!("{} of {rows} rows of {}", rows / 20 * part, report.month);
        ctx.progress(f64::from(part) / 20.0, text).await?;
        futures_lite::future::or(sleep(Duration::from_millis(500)), ctx.cancelled()).await;
        if ctx.is_cancelled() {
            return Err(Retry::never("it was asked to stop"));
        }
    }
    Ok(rows)
}

#[derive(Serialize, Deserialize)]
struct Sweep {
    at: SystemTime,
}

impl Job for Sweep {
    const KIND: &'static str = "sweep";
}

fn worker(jobs: &Jobs) -> Result<Worker, Failed> {
    let every = Duration::from_secs(10);
    let sweep = Schedule::every("sweep", every).job(|at| Sweep { at })?;
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(4))
        .queue("mail", Limit::in_flight(16))
        .named("the example's worker")
        .handle_with(Retry::fixed(Duration::from_secs(2)), send_mail)
        .handle(make_report)
        .handle(|_: Sweep, _: Ctx| async { Ok::<_, JobError>(()) })
        .schedule(sweep);
    Ok(worker)
}

/// Enqueues mails for ever, and a report now and then.
async fn keep_busy(jobs: Jobs) {
    for number in 1.. {
        let to = format!("reader {number}");
        let lane = match number % 4 {
            0 => Priority::High,
            _ => Priority::Low,
        };
        let mail = jobs.enqueue(SendMail { to, number }).queue("mail");
        let report = number % 200 == 1;
        if let Err(error) = mail.lane(lane).await {
            eprintln!("dashboard: {error}");
        }
        if report {
            let month = format!("2026-{:02}", number / 200 % 12 + 1);
            drop(jobs.enqueue(MakeReport { month }).await);
        }
        sleep(Duration::from_millis(fastrand::u64(20..80))).await;
    }
}

struct Arguments {
    listen: SocketAddr,
    demo: Demo,
    mode: Mode,
    token: Option<String>,
    file: Option<PathBuf>,
}

#[derive(PartialEq)]
enum Demo {
    Busy,
    Idle,
}

#[derive(PartialEq)]
enum Mode {
    ReadWrite,
    ReadOnly,
}

/// Says what is wrong with the arguments.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        demo: Demo::Busy,
        mode: Mode::ReadWrite,
        token: None,
        file: None,
    };
    while let Some(argument) = given.next() {
        let value = |given: &mut dyn Iterator<Item = String>| {
            let next = given.next();
            next.ok_or_else(|| format!("{argument} needs a value"))
        };
        match &*argument {
            "--listen" => {
                let address = value(&mut given)?;
                let parsed = address.parse();
                arguments.listen = parsed.map_err(|_| format!("{address} is no ADDRESS:PORT"))?;
            }
            "--token" => arguments.token = Some(value(&mut given)?),
            "--idle" => arguments.demo = Demo::Idle,
            "--read-only" => arguments.mode = Mode::ReadOnly,
            option if option.starts_with('-') => return Err(format!("there is no {option}")),
            file if arguments.file.is_none() => arguments.file = Some(file.into()),
            more => return Err(format!("{more} is one too many")),
        }
    }
    Ok(arguments)
}

fn dashboard(jobs: &Jobs, arguments: &Arguments) -> Dashboard {
    let mut dashboard = Dashboard::new(jobs).host(arguments.listen.ip().to_string());
    if let Some(token) = &arguments.token {
        dashboard = dashboard.token(token);
    }
    match arguments.mode {
        Mode::ReadOnly => dashboard.read_only(),
        Mode::ReadWrite => dashboard,
    }
}

fn run(arguments: &Arguments) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let store = match &arguments.file {
        Some(file) => SqliteStore::open(file)?,
        None => SqliteStore::memory()?,
    };
    let jobs = Jobs::new(store);
    let dashboard = dashboard(&jobs, arguments);
    let _worker = match arguments.demo {
        Demo::Idle => None,
        Demo::Busy => {
            rt.spawn(keep_busy(jobs.clone()), Priority::Low).detach();
            Some(
                worker(&jobs)?
                    .start(&rt)
                    .map_err(|error: StartError| error)?,
            )
        }
    };
    rt.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await?;
        let address = listener.local_addr()?;
        println!("the dashboard is at http://{address}/");
        let service = service_fn(move |request| answer(dashboard.clone(), request));
        Server::new(service).serve(listener).await;
        Ok(())
    })
}

fn main() -> ExitCode {
    output::may_end("dashboard");
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("dashboard: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dashboard: {error}");
            ExitCode::FAILURE
        }
    }
}
