//! A cache that is refreshed every so often and read all the time:
//! `cargo run --release --example cache_refresh` refreshes until Ctrl-C. The source is slow at
//! times and broken at others; readers never wait for it. `--help` tells the options.

mod exit;
mod record;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use clap::Parser;
use laneway::background::{Every, Periodic};
use laneway::time::sleep;
use laneway::{Priority, Runtime, shutdown_begun, yield_now};

use record::Record;

/// Refreshes a cache from a source that is not always there.
#[derive(Parser)]
#[command(name = "cache_refresh")]
struct Options {
    /// How many refreshes [default: until Ctrl-C]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    refreshes: Option<u64>,

    /// Milliseconds from one refresh to the next, 10 to 3600000
    #[arg(long, value_name = "MS", allow_negative_numbers = true, default_value_t = 500,
          value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    every: u64,

    #[command(flatten)]
    record: Record,
}

/// The table that readers get: whole, and for as long as they hold it.
struct Prices {
    version: u64,
    per_litre: f64,
}

/// Readers take the lock for as long as it takes to copy a pointer.
struct Cache(RwLock<Arc<Prices>>);

impl Cache {
    fn get(&self) -> Arc<Prices> {
        self.0
            .read()
            .expect("nothing panics under this lock")
            .clone()
    }

    fn put(&self, prices: Prices) {
        *self.0.write().expect("nothing panics under this lock") = Arc::new(prices);
    }
}

/// The source: takes its time, every fourth time far too long, and breaks down every fifth time.
async fn fetch(version: u64, every: Duration) -> Prices {
    let takes = if version.is_multiple_of(4) {
        every.mul_f64(1.5)
    } else {
        every / 10
    };
    sleep(takes).await;
    if version.is_multiple_of(5) {
        // As `panic!`, without the message on the standard error.
        std::panic::resume_unwind(Box::new("the source is out of order"));
    }
    Prices {
        version,
        per_litre: 1.5 + (version % 7) as f64 / 100.0,
    }
}

/// Reads until the runtime shuts down. Gives how often.
async fn read(cache: Arc<Cache>, newest: Arc<AtomicU64>) -> u64 {
    let mut reads = 0;
    let mut end = shutdown_begun();
    while futures_lite::future::poll_once(&mut end).await.is_none() {
        let prices = cache.get();
        assert!(
            (1.5..1.6).contains(&prices.per_litre),
            "never half a refresh"
        );
        newest.fetch_max(prices.version, Ordering::Relaxed);
        reads += 1;
        yield_now().await;
    }
    reads
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let rt = options.record.watch(Runtime::builder()).build()?;
    let every = Duration::from_millis(options.every);
    let cache = Arc::new(Cache(RwLock::new(Arc::new(Prices {
        version: 0,
        per_litre: 1.5,
    }))));
    let newest = Arc::new(AtomicU64::new(0));
    let reader = rt.spawn(read(cache.clone(), newest.clone()), Priority::Low);

    let (refreshed, refreshes) = async_channel::unbounded();
    // The process stops itself in its last run. To do it from here could come a run too late.
    let own = Arc::new(OnceLock::<Periodic>::new());
    let (handle, last) = (own.clone(), options.refreshes);
    let mut version = 0;
    let (refresh, process) = Every::new(every)
        .name("price refresh")
        .jitter(every / 10)
        .build(async move || {
            let process = handle.get().expect("set before the process is spawned");
            version += 1;
            if last == Some(version) {
                process.stop();
            }
            // The receiver is there until this closure is gone.
            let _ = refreshed
                .send((version, process.metrics().last_panic))
                .await;
            cache.put(fetch(version, every).await);
        });
    own.set(refresh.clone()).expect("set once");
    let stop = refresh.clone();
    ctrlc::set_handler(move || stop.stop())?;
    rt.spawn(process, Priority::High).detach();
    let mut printed = Ok(());
    while let Ok((version, last_panic)) = rt.block_on(refreshes.recv()) {
        let last_panic = last_panic.as_deref().unwrap_or("never");
        let line = format!("refresh {version} begins; last trouble: {last_panic}");
        printed = printed.and_then(|()| writeln!(io::stdout(), "{line}"));
        // The pipe is closed, as by `head`, or the disk is full.
        if printed.is_err() {
            refresh.stop();
        }
    }

    let report = rt.shutdown(Duration::from_secs(5));
    let metrics = refresh.metrics();
    let (reads, newest) = (laneway::block_on(reader), newest.load(Ordering::Relaxed));
    let last = format!(
        "{}: {} refreshed, {} panicked, {} skipped; {} cut off\n\
         {reads} reads meanwhile, the last of version {newest}",
        metrics.name, metrics.completed, metrics.panicked, metrics.skipped, report.cut_off
    );
    options.record.save();
    Ok(printed.and_then(|()| writeln!(io::stdout(), "{last}"))?)
}

fn main() -> ExitCode {
    exit::code("cache_refresh", run(&Options::parse()))
}
