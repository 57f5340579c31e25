//! The program to run first: `cargo run --release --example tour -- PATH` counts the lines, words
//! and bytes of all files under PATH, and prints them by extension and what the runtime did.
//!
//! Every file is a low task. Meanwhile a process in the background draws a progress bar, and
//! every 2 ms a high task tells how late it started: what a request would have waited while all
//! this work goes on. Ctrl-C ends it early, with a report of what was read by then. Read `main` and
//! `read_all`, then whatever you are curious about.

mod record;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::iter::Sum;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use futures_lite::future::yield_now;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use laneway::{BuildError, Builder, Priority, Runtime, Stealing, Task, join_all, spawn_task};
use walkdir::WalkDir;

use record::Record;

/// How much of a file one poll reads. A high task waits for such a poll at most where no thread
/// is free for it.
const CHUNK: usize = 64 * 1024;

/// How many tasks are joined at once. Two batches are on their way at any time, so that twice as
/// many files at most are open.
const BATCH: usize = 64;

/// How much is read of a file whose length is given as 0, or as more than any disk holds. Those of
/// `/proc` and the like hold something else than that, and some of them have no end.
const UNTOLD: u64 = 16 * 1024 * 1024;

/// From here on, a length is not believed: `/proc/kcore` has 128 TiB.
const BEYOND_BELIEF: u64 = 1 << 46;

/// The time between two high tasks.
const PROBE_EVERY: Duration = Duration::from_millis(2);

/// How many high tasks it takes for a p99 that is not simply the latest of them.
const ENOUGH_FOR_P99: usize = 100;

/// How many extensions get a line of their own.
const ROWS: usize = 15;

/// The room of the longest extension in the table.
const LABEL_WIDTH: usize = 18;

/// The exit code after bad arguments, and where nothing could be read.
const REFUSED: u8 = 2;

/// The exit code after Ctrl-C. A signal handler is not told which signal it was, so that SIGTERM
/// and SIGHUP have the same.
const INTERRUPTED: u8 = 130;

/// Counts the lines, words and bytes of all files under PATH: a low task for every file,
/// while a high task measures every 2 ms how late it starts.
///
/// Lines are newline characters; words are what ASCII whitespace separates. Symbolic links are
/// not followed, and of pipes, sockets and devices nothing is read.
///
/// Ctrl-C, and SIGTERM likewise, ends it early: it prints the report of the files that were read by
/// then, and exits with 130. A second Ctrl-C ends it at once. It exits with 2 if nothing could be
/// read.
#[derive(Parser)]
#[command(name = "tour")]
struct Options {
    /// The directory to walk, or one file [default: this repository]
    path: Option<PathBuf>,

    /// How many threads serve the high queue [default: LANEWAY_HIGH_NUM, or else the number of
    /// cores less two, at least 1]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    high: Option<usize>,

    /// How many threads serve the low queue [default: LANEWAY_LOW_NUM, or else 1]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    low: Option<usize>,

    /// Which idle threads take tasks of the other queue
    #[arg(long, value_enum, default_value_t = Policy::Both)]
    stealing: Policy,

    /// Use Builder::latency_first: as many high and low threads as cores, no stealing, and the low
    /// threads at the lowest priority of the operating system. It replaces the three options above
    #[arg(long, conflicts_with_all = ["high", "low", "stealing"])]
    latency_first: bool,

    /// Print what each queue and each thread did; with --record, also how long tasks waited
    #[arg(long)]
    metrics: bool,

    #[command(flatten)]
    record: Record,
}

/// [`Stealing`], as it is written on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Policy {
    /// Those of both queues: no thread rests while there is work
    Both,
    /// None: every thread stays with its own queue
    None,
    /// The high threads take low tasks (Stealing::HighFromLow)
    High,
    /// The low threads take high tasks (Stealing::LowFromHigh)
    Low,
}

/// Reads a number of threads.
fn threads(text: &str) -> Result<usize, String> {
    let wanted = "a whole number from 0 to 4096 is wanted";
    text.parse().map_err(|_| wanted.to_owned())
}

fn main() -> ExitCode {
    let options = Options::parse();
    let root = options.root();
    if let Err(why) = look_at(&root) {
        return refuse(&format!("cannot read {root:?}: {why}"));
    }
    match options.start_runtime() {
        Ok(runtime) => run(runtime, &root, &options),
        Err(error) => refuse(&in_options(&error)),
    }
}

fn run(runtime: &Runtime, root: &Path, options: &Options) -> ExitCode {
    let (census, mut report) = tour(runtime, root);
    if options.metrics {
        report.push_str(&metrics(runtime, &options.record));
    }
    let printed = print(&report);
    options.record.save();
    match printed {
        Ok(()) => census.exit_code(),
        Err(error) => {
            complain(&format!("cannot print the tables: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Fails for a root of which nothing could be read.
fn look_at(root: &Path) -> io::Result<()> {
    let metadata = fs::metadata(root)?;
    if metadata.is_dir() {
        fs::read_dir(root).map(drop)
    } else {
        open(root).map(drop)
    }
}

impl Options {
    fn root(&self) -> PathBuf {
        let repository = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        self.path.clone().unwrap_or_else(repository)
    }

    fn start_runtime(&self) -> Result<&'static Runtime, BuildError> {
        self.record.watch(self.configure()).try_run()
    }

    fn configure(&self) -> Builder {
        if self.latency_first {
            return Runtime::builder().latency_first();
        }
        let mut builder = Runtime::builder().with_stealing(self.stealing.into());
        if let Some(threads) = self.high {
            builder = builder.with_high_num(threads);
        }
        if let Some(threads) = self.low {
            builder = builder.with_low_num(threads);
        }
        builder
    }
}

/// The fault of the configuration, in the words of the command line.
fn in_options(error: &BuildError) -> String {
    match error {
        BuildError::NoThreads => {
            "a runtime needs a thread: set --high or --low to at least 1".to_owned()
        }
        BuildError::Unserved { queue } => format!(
            "no thread serves the queue {queue:?}: set --{queue} to at least 1, or --stealing to \
             a policy by which the other queue's threads take its tasks"
        ),
        BuildError::TooManyThreads { threads } => format!(
            "--high and --low ask for {threads} threads together, standby included: a runtime \
             takes 4096 at most"
        ),
        BuildError::Thread(_) => format!("{error}; set --high or --low to less"),
        _ => error.to_string(),
    }
}

impl From<Policy> for Stealing {
    fn from(policy: Policy) -> Stealing {
        match policy {
            Policy::Both => Stealing::Both,
            Policy::None => Stealing::None,
            Policy::High => Stealing::HighFromLow,
            Policy::Low => Stealing::LowFromHigh,
        }
    }
}

/// Walks, reads and counts, and gives the counts and what there is to print.
fn tour(runtime: &Runtime, root: &Path) -> (Census, String) {
    let started = Instant::now();
    let display = Display::new();
    stop_at_ctrl_c(display.progress.clone());
    let (bell, rings) = async_channel::bounded(1);
    // Its handle is not kept, so it goes on until there is nothing left to draw.
    spawn_task!(draw(display.clone(), rings), Priority::High).detach();
    let probes = Probes::start(bell);

    let mut census = Census::default();
    let files = find_files(root, &display, &mut census);
    read_all(files, &display, &mut census);
    census.interrupted = display.progress.is_interrupted();

    let lateness = probes.finish();
    let seconds = started.elapsed().as_secs_f64();
    display.bar.finish_and_clear();
    let mut report = census.heading(&display.progress);
    report.push_str(&census.table());
    report.push_str(&summary(runtime, &census, seconds, &lateness));
    (census, report)
}

/// Lets Ctrl-C end the tour early, and a second one the program.
fn stop_at_ctrl_c(progress: Arc<Progress>) {
    // It prints nothing: on a terminal that takes no output, the second one could not end it.
    let handled = ctrlc::set_handler(move || {
        if progress.interrupted.swap(true, Ordering::Relaxed) {
            exit(INTERRUPTED.into());
        }
    });
    if let Err(error) = handled {
        complain(&format!("Ctrl-C will end this without a report: {error}"));
    }
}

// Reading files.

/// Lists the regular files under `root`. Where it cannot look, it says so and goes on.
fn find_files(root: &Path, display: &Display, census: &mut Census) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in WalkDir::new(root) {
        if display.progress.is_interrupted() {
            break;
        }
        match entry {
            Ok(entry) if is_regular(&entry) => {
                files.push(entry.into_path());
                display.progress.found.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) => {
                census.unreadable += 1;
                let path = error.path().unwrap_or(root);
                let why = error.io_error().map(io::Error::to_string);
                display.complain_of(path, &why.unwrap_or_else(|| error.to_string()));
            }
        }
    }
    display.progress.set_total(files.len());
    files
}

/// Whether an entry is a file to read. Reading a pipe or a device might never end.
fn is_regular(entry: &walkdir::DirEntry) -> bool {
    // A link that was named on the command line is meant; all others are left alone.
    let is_named_link = entry.depth() == 0 && entry.path_is_symlink();
    if is_named_link {
        fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file())
    } else {
        entry.file_type().is_file()
    }
}

/// Spawns a low task for every file. While one batch of tasks runs, the next one is spawned, so
/// that the threads never wait for this one. After Ctrl-C there is no next one.
fn read_all(files: Vec<PathBuf>, display: &Display, census: &mut Census) {
    let mut files = files.into_iter();
    let mut running: Vec<Task<Reading>> = Vec::new();
    loop {
        let batch: Vec<Task<Reading>> = files
            .by_ref()
            .take(BATCH)
            .take_while(|_| !display.progress.is_interrupted())
            .map(|path| spawn_task!(read(path, display.progress.clone())))
            .collect();
        let last = batch.is_empty();
        for reading in join_all(std::mem::replace(&mut running, batch)) {
            census.add(reading, display);
        }
        if last {
            return;
        }
    }
}

/// The outcome of one file.
struct Reading {
    path: PathBuf,
    /// Nothing if Ctrl-C came before the file's end.
    counts: io::Result<Option<Counts>>,
}

/// The task: reads one file and counts.
async fn read(path: PathBuf, progress: Arc<Progress>) -> Reading {
    let counts = count(&path, &progress).await;
    progress.read.fetch_add(1, Ordering::Relaxed);
    Reading { path, counts }
}

async fn count(path: &Path, progress: &Progress) -> io::Result<Option<Counts>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let most = most_of(length);
    let mut file = file.take(most);
    let mut chunk = vec![0; CHUNK.min(usize::try_from(most).unwrap_or(CHUNK))];
    let mut counter = Counter::default();
    while !progress.is_interrupted() {
        // This blocks the thread, but for one chunk only.
        match file.read(&mut chunk) {
            Ok(0) if most != length && file.limit() == 0 => return Err(endless(length)),
            Ok(0) => return Ok(Some(counter.finish())),
            Ok(length) => {
                counter.add(&chunk[..length]);
                progress.bytes.fetch_add(length as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        // The other tasks' turn, high ones first. Nothing interrupts a poll: a task that never
        // waits has to step back by itself.
        yield_now().await;
    }
    Ok(None)
}

/// How much is read of a file at most: as much as it holds now, so that a file that grows all the
/// time comes to an end too.
fn most_of(length: u64) -> u64 {
    match length {
        0 | BEYOND_BELIEF.. => UNTOLD,
        length => length,
    }
}

fn endless(length: u64) -> io::Error {
    io::Error::other(format!(
        "its length is given as {length}, and it goes on after {}",
        HumanBytes(UNTOLD)
    ))
}

/// Opens a regular file. The type is looked at once it is open, so that nothing else can take its
/// place in between.
fn open(path: &Path) -> io::Result<File> {
    let file = without_waiting().read(true).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(
            "it is neither a directory nor a regular file",
        ))
    }
}

/// Options by which neither opening a pipe waits for its writer, nor reading a log of the kernel
/// for its next line.
#[cfg(target_os = "linux")]
fn without_waiting() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let flag = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.custom_flags(flag);
    options
}

#[cfg(not(target_os = "linux"))]
fn without_waiting() -> OpenOptions {
    OpenOptions::new()
}

/// Lines, words and bytes, of one file or of many.
#[derive(Clone, Copy, Default)]
struct Counts {
    files: u64,
    lines: u64,
    words: u64,
    bytes: u64,
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(all: I) -> Counts {
        all.fold(Counts::default(), |a, b| Counts {
            files: a.files + b.files,
            lines: a.lines + b.lines,
            words: a.words + b.words,
            bytes: a.bytes + b.bytes,
        })
    }
}

/// Counts through a file chunk by chunk.
#[derive(Default)]
struct Counter {
    counts: Counts,
    /// Whether the last byte so far belongs to a word, which may go on in the next chunk.
    in_word: bool,
}

impl Counter {
    fn add(&mut self, chunk: &[u8]) {
        for byte in chunk {
            let is_space = byte.is_ascii_whitespace();
            self.counts.lines += u64::from(*byte == b'\n');
            self.counts.words += u64::from(!is_space && !self.in_word);
            self.in_word = !is_space;
        }
        self.counts.bytes += chunk.len() as u64;
    }

    fn finish(self) -> Counts {
        let files = 1;
        Counts {
            files,
            ..self.counts
        }
    }
}

// Meanwhile.

/// The high tasks, spawned at a steady pace.
struct Probes {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

impl Probes {
    /// Starts the thread that spawns them, and that rings the bell for the progress bar.
    fn start(bell: async_channel::Sender<()>) -> Probes {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            // One at once, so that there is one on the smallest tree.
            let mut probes = vec![spawn_probe()];
            let mut lateness = Vec::new();
            while stopped.recv_timeout(PROBE_EVERY) == Err(RecvTimeoutError::Timeout) {
                let finished = probes.iter().take_while(|probe| probe.is_finished());
                let finished = probes.drain(..finished.count()).collect::<Vec<_>>();
                lateness.extend(join_all(finished));
                probes.push(spawn_probe());
                // If the bell still rings from before, that is as good.
                let _ = bell.try_send(());
            }
            probes.push(spawn_probe());
            lateness.extend(join_all(probes));
            lateness
        });
        Probes { stop, thread }
    }

    /// Ends it, and gives how late each task was, the least late first.
    fn finish(self) -> Vec<Duration> {
        drop(self.stop);
        let lateness = self.thread.join();
        let mut lateness = lateness.expect("the probing thread does not panic");
        lateness.sort_unstable();
        lateness
    }
}

/// Spawns a high task whose output is the time from now to its first line.
fn spawn_probe() -> Task<Duration> {
    let spawned = Instant::now();
    spawn_task!(async move { spawned.elapsed() }, Priority::High)
}

/// How far the tour has come.
#[derive(Default)]
struct Progress {
    found: AtomicU64,
    /// How many files there are to read, once all are found.
    total: OnceLock<u64>,
    read: AtomicU64,
    bytes: AtomicU64,
    /// Whether there was a Ctrl-C.
    interrupted: AtomicBool,
}

impl Progress {
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn set_total(&self, files: usize) {
        let set = self.total.set(files as u64);
        set.expect("the files are found once");
    }
}

/// The line on the terminal, if there is one.
#[derive(Clone)]
struct Display {
    bar: ProgressBar,
    progress: Arc<Progress>,
}

impl Display {
    fn new() -> Display {
        let is_terminal = io::stdout().is_terminal() && io::stderr().is_terminal();
        let target = match is_terminal {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style("looking for files: {prefix} so far"))
            .with_prefix("0");
        Display {
            bar,
            progress: Arc::default(),
        }
    }

    /// Draws a count as long as files are being found: a bar needs to know how many there are.
    fn refresh(&self) {
        match self.progress.total.get() {
            None => {
                let found = self.progress.found.load(Ordering::Relaxed);
                self.bar.set_prefix(thousands(found));
            }
            Some(0) => {}
            Some(total) => self.refresh_bar(*total),
        }
    }

    fn refresh_bar(&self, total: u64) {
        let bytes = self.progress.bytes.load(Ordering::Relaxed);
        self.bar.set_message(HumanBytes(bytes).to_string());
        if self.bar.length().is_none() {
            self.bar
                .set_style(style("{wide_bar} {pos}/{len} files, {msg}"));
            self.bar.set_length(total);
        }
        self.bar
            .set_position(self.progress.read.load(Ordering::Relaxed));
    }

    /// Names what cannot be read, in a line above the bar. Quoted: a name can hold a newline.
    fn complain_of(&self, path: &Path, why: &str) {
        self.bar
            .suspend(|| complain(&format!("cannot read {path:?}: {why}")));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well formed")
}

/// The process in the background: draws the bar whenever the bell rings.
async fn draw(display: Display, rings: async_channel::Receiver<()>) {
    while rings.recv().await.is_ok() {
        display.refresh();
    }
}

// Printing.

/// The counts, by extension.
#[derive(Default)]
struct Census {
    by_extension: HashMap<String, Counts>,
    unreadable: u64,
    /// Whether there may be more than was counted, because of a Ctrl-C.
    interrupted: bool,
}

impl Census {
    fn add(&mut self, reading: Reading, display: &Display) {
        match reading.counts {
            Ok(None) => {}
            Ok(Some(counts)) => {
                let sum = self.by_extension.entry(label(&reading.path)).or_default();
                *sum = [*sum, counts].into_iter().sum();
            }
            Err(error) => {
                self.unreadable += 1;
                display.complain_of(&reading.path, &error.to_string());
            }
        }
    }

    fn total(&self) -> Counts {
        self.by_extension.values().copied().sum()
    }

    fn exit_code(&self) -> ExitCode {
        let in_vain = self.total().files == 0 && self.unreadable > 0;
        if self.interrupted {
            ExitCode::from(INTERRUPTED)
        } else if in_vain {
            ExitCode::from(REFUSED)
        } else {
            ExitCode::SUCCESS
        }
    }

    /// Says so where the tables are not those of all files.
    fn heading(&self, progress: &Progress) -> String {
        if !self.interrupted {
            return String::new();
        }
        let read = thousands(self.total().files);
        let found = thousands(progress.found.load(Ordering::Relaxed));
        format!("partial, because of an interrupt: {read} files read whole, {found} found\n\n")
    }

    /// A line for each extension, those with the most bytes first.
    fn table(&self) -> String {
        if self.by_extension.is_empty() {
            return "no files\n".to_owned();
        }
        let mut rows: Vec<(&str, Counts)> = self
            .by_extension
            .iter()
            .map(|(label, counts)| (label.as_str(), *counts))
            .collect();
        // By name where the bytes are equal, so that the table is the same each time.
        rows.sort_unstable_by_key(|&(label, counts)| (u64::MAX - counts.bytes, label));
        let others = rows.split_off(rows.len().min(ROWS));

        let mut table = line("extension", ["files", "lines", "words", "bytes"]);
        for (label, counts) in rows {
            table.push_str(&count_line(label, counts));
        }
        if !others.is_empty() {
            let sum = others.iter().map(|&(_, counts)| counts).sum();
            table.push_str(&count_line(&format!("{} others", others.len()), sum));
        }
        table.push_str(&count_line("all", self.total()));
        table
    }
}

/// A file's extension, fit for a table whatever bytes the file system has in it.
fn label(path: &Path) -> String {
    let Some(extension) = path.extension() else {
        return "(none)".to_owned();
    };
    let label = format!(".{}", extension.to_string_lossy().escape_default());
    if label.len() <= LABEL_WIDTH {
        label
    } else {
        format!("{}..", &label[..LABEL_WIDTH - 2])
    }
}

fn count_line(label: &str, counts: Counts) -> String {
    let numbers = [counts.files, counts.lines, counts.words, counts.bytes];
    line(label, numbers.map(thousands))
}

/// A line of a table: all tables share their columns.
fn line<const N: usize>(label: &str, cells: [impl AsRef<str>; N]) -> String {
    let mut line = format!("{label:<LABEL_WIDTH$}");
    for cell in cells {
        line.push_str(&format!(" {:>14}", cell.as_ref()));
    }
    line.push('\n');
    line
}

/// The small tables at the end.
fn summary(runtime: &Runtime, census: &Census, seconds: f64, lateness: &[Duration]) -> String {
    let total = census.total();
    let rows = [
        ("files", thousands(total.files)),
        ("unreadable", thousands(census.unreadable)),
        ("bytes", thousands(total.bytes)),
        ("seconds", format!("{seconds:.2}")),
    ];
    let mut text = String::from("\n");
    for (name, value) in rows {
        text.push_str(&line(name, [value]));
    }
    text.push('\n');
    text.push_str(&line("queue", ["tasks run", "polls", "stolen"]));
    for queue in runtime.metrics().queues {
        let numbers = [queue.completed, queue.polls, queue.stolen];
        text.push_str(&line(&queue.name, numbers.map(thousands)));
    }
    text.push('\n');
    text.push_str(&late(lateness));
    text
}

/// The table of how late the high tasks were.
fn late(lateness: &[Duration]) -> String {
    let (head, percent, note) = if lateness.len() < ENOUGH_FOR_P99 {
        let note = "few samples, since it was over soon: the maximum stands for the p99\n";
        ("max us", 100, note)
    } else {
        ("p99 us", 99, "")
    };
    let mut text = line("high tasks late by", ["p50 us", head, "samples"]);
    let [p50, last] = [50, percent].map(|percent| micros(percentile(lateness, percent)));
    let samples = thousands(lateness.len() as u64);
    text.push_str(&line("", [p50, last, samples]));
    text.push_str(note);
    text
}

/// What `--metrics` adds.
fn metrics(runtime: &Runtime, record: &Record) -> String {
    let metrics = runtime.metrics();
    let mut text = String::from("\n");
    let heads = [
        "waiting now",
        "spawned",
        "completed",
        "cancelled",
        "panicked",
    ];
    text.push_str(&line("queue", heads));
    for queue in &metrics.queues {
        let depth = queue.depth as u64;
        let numbers = [
            depth,
            queue.spawned,
            queue.completed,
            queue.cancelled,
            queue.panicked,
        ];
        text.push_str(&line(&queue.name, numbers.map(thousands)));
    }
    text.push('\n');
    let heads = ["home queue", "polls", "stolen", "busy us", "parked us"];
    text.push_str(&line("thread", heads));
    for (number, worker) in metrics.workers.iter().enumerate() {
        let home = metrics.queues[worker.home.index()].name.clone();
        let [polls, stolen] = [worker.polls, worker.stolen].map(thousands);
        let [busy, parked] = [worker.busy, worker.parked].map(micros);
        let columns = [home, polls, stolen, busy, parked];
        text.push_str(&line(&number.to_string(), columns));
    }
    for recording in record.recordings() {
        text.push('\n');
        text.push_str(&line(
            "waits in the queue",
            ["p50 us", "p99 us", "max us", "waits"],
        ));
        for waits in recording.waits() {
            let [p50, p99, max] = [waits.p50, waits.p99, waits.max].map(micros);
            let count = thousands(waits.count as u64);
            text.push_str(&line(&waits.queue, [p50, p99, max, count]));
        }
    }
    text
}

/// The smallest of the sorted samples that so many percent of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn micros(duration: Duration) -> String {
    thousands(duration.as_micros().try_into().unwrap_or(u64::MAX))
}

/// A number with commas between the thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints the report. A reader that has closed the pipe, as `head` does, has read enough.
fn print(report: &str) -> io::Result<()> {
    match io::stdout().write_all(report.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn refuse(why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(REFUSED)
}

/// Prints a line to stderr. If that is closed, the line is lost and all goes on.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "tour: {line}");
}
