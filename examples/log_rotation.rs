//! A log file that is rotated every so often, under a program that goes on writing:
//! `cargo run --release --example log_rotation` rotates until Ctrl-C, and then counts the lines.
//! The file is a background's; writers and the rotation are its callers. Read `Log` and `run`
//! first; `--help` tells the options.

mod exit;
mod record;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Parser;
use laneway::background::{self, Every, Periodic, ServiceHandle};
use laneway::blocking::unblock;
use laneway::{Priority, Runtime, shutdown_begun, time::sleep};

use record::Record;

/// Rotates a log file while tasks write to it.
#[derive(Parser)]
#[command(name = "log_rotation")]
struct Options {
    /// How many rotations [default: until Ctrl-C]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    rotations: Option<u64>,

    /// Milliseconds from one rotation to the next, 10 to 3600000
    #[arg(long, value_name = "MS", allow_negative_numbers = true, default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    every: u64,

    #[command(flatten)]
    record: Record,
}

/// How many old files are kept.
const KEPT: usize = 3;

/// The state that the background owns.
struct Log {
    folder: PathBuf,
    file: File,
    /// Lines in the file, and in files that are there no more.
    lines: u64,
    deleted: u64,
}

enum Request {
    Line(String),
    Rotate,
    /// Lines that were deleted with their files.
    Deleted,
}

impl Log {
    fn open(folder: PathBuf) -> io::Result<Log> {
        let file = File::create(path(&folder, 0))?;
        Ok(Log {
            folder,
            file,
            lines: 0,
            deleted: 0,
        })
    }

    async fn handle(&mut self, request: Request) -> io::Result<u64> {
        match request {
            // Into the operating system's memory: a microsecond. The long part is unblocked.
            Request::Line(line) => writeln!(self.file, "{line}").map(|()| self.lines += 1)?,
            Request::Rotate => {
                let folder = self.folder.clone();
                let (file, deleted) = unblock(move || rotate(&folder)).await?;
                (self.file, self.deleted) = (file, self.deleted + deleted);
                return Ok(std::mem::take(&mut self.lines));
            }
            Request::Deleted => return Ok(self.deleted),
        }
        Ok(self.lines)
    }
}

/// `app.log` is number 0, `app.log.1` the one before it.
fn path(folder: &Path, number: usize) -> PathBuf {
    let name = if number == 0 {
        "app.log".to_owned()
    } else {
        format!("app.log.{number}")
    };
    folder.join(name)
}

fn count_lines(path: &Path) -> io::Result<u64> {
    Ok(fs::read(path)?
        .iter()
        .filter(|byte| **byte == b'\n')
        .count() as u64)
}

/// Moves each file on by one and begins a new one. Gives it, and the lines of the one deleted.
fn rotate(folder: &Path) -> io::Result<(File, u64)> {
    let oldest = path(folder, KEPT);
    let deleted = if oldest.exists() {
        count_lines(&oldest)?
    } else {
        0
    };
    for number in (0..KEPT)
        .rev()
        .filter(|number| path(folder, *number).exists())
    {
        fs::rename(path(folder, number), path(folder, number + 1))?;
    }
    Ok((File::create(path(folder, 0))?, deleted))
}

/// Writes until the runtime shuts down. Gives how many lines.
async fn write(log: ServiceHandle<Request, io::Result<u64>>) -> u64 {
    let mut written = 0;
    let mut end = shutdown_begun();
    while futures_lite::future::poll_once(&mut end).await.is_none() {
        let line = Request::Line(format!("line {written}"));
        let Ok(Ok(_)) = log.call(line).await else {
            break;
        };
        written += 1;
        sleep(Duration::from_micros(500)).await;
    }
    written
}

fn run(options: &Options, folder: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let rt = options.record.watch(Runtime::builder()).build()?;
    let handle = async |log: &mut Log, request| log.handle(request).await;
    let (log, service) = background::service(Log::open(folder.clone())?, handle);
    // A thread of its own, which outlives the runtime: the last lines are written during shutdown.
    let service = std::thread::spawn(move || laneway::block_on(service));
    let writers = [(); 3].map(|()| rt.spawn(write(log.clone()), Priority::Low));

    let (report, reports) = async_channel::unbounded();
    let rotated = log.clone();
    // The process stops itself in its last run. To do it from here could come a run too late.
    let own = Arc::new(OnceLock::<Periodic>::new());
    let (handle, last) = (own.clone(), options.rotations);
    let mut n = 0;
    let (rotation, process) = Every::new(Duration::from_millis(options.every))
        .name("log rotation")
        .initial_delay(Duration::from_millis(options.every))
        .build(async move || {
            n += 1;
            if last == Some(n) {
                let process = handle.get();
                process.expect("set before the process is spawned").stop();
            }
            // The receiver is there until this closure is gone.
            let _ = report.send(rotated.call(Request::Rotate).await).await;
        });
    own.set(rotation.clone()).expect("set once");
    let interrupted = rotation.clone();
    ctrlc::set_handler(move || interrupted.stop())?;
    rt.spawn(process, Priority::Low).detach();
    let mut printed = Ok(());
    while let Ok(rotated) = rt.block_on(reports.recv()) {
        let line = format!("rotated: {} lines", rotated??);
        printed = printed.and_then(|()| writeln!(io::stdout(), "{line}"));
        // The pipe is closed, as by `head`, or the disk is full. The log ends in order all the same.
        if printed.is_err() {
            rotation.stop();
        }
    }

    let report = rt.shutdown(Duration::from_secs(5));
    let written: u64 = laneway::join_all(writers).into_iter().sum();
    let deleted = laneway::block_on(log.call(Request::Deleted))??;
    drop(log);
    service.join().expect("the log does not panic");
    let files = (0..=KEPT)
        .map(|number| path(&folder, number))
        .filter(|path| path.exists());
    let kept: u64 = files
        .map(|path| count_lines(&path))
        .sum::<io::Result<u64>>()?;
    let last = format!(
        "{written} lines written, {kept} kept, {deleted} deleted; {} cut off",
        report.cut_off
    );
    options.record.save();
    Ok(printed.and_then(|()| writeln!(io::stdout(), "{last}"))?)
}

fn main() -> ExitCode {
    exit::code("log_rotation", in_a_folder(&Options::parse()))
}

/// Runs in a folder that is made for this run and removed however the run ends.
fn in_a_folder(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("laneway-log-rotation-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let ran = run(options, folder.clone());
    let removed = fs::remove_dir_all(&folder);
    ran.and(removed.map_err(Into::into))
}
