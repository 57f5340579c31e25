//! A busy little program whose tasks tokio-console shows: `cargo run -p laneway-console`, and in
//! another terminal `tokio-console`, which `cargo install tokio-console` builds.
//!
//! What it takes is in `serve.rs`: an observer, [`Spans`], that tells the `tracing` crate of each
//! task, and the console's own layer, which listens there. The layer answers the console by a
//! server of its own, and that server runs on tokio. So this package brings tokio, which the
//! runtime does without; the tasks that are shown run on Laneway.
//!
//! Look for `slow`, whose polls are long (press Enter for their histogram), for `stranded`, which
//! will never be woken again, and for the jobs, each of which soon ends. The doc of
//! [`laneway::observe::spans`] tells what each column means.

#[path = "../../output/mod.rs"]
mod output;
mod serve;
mod work;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use clap::Parser;
use laneway::Runtime;
use laneway::observe::spans::Spans;

/// A busy little program whose tasks tokio-console shows
#[derive(Parser)]
#[command(name = "laneway-console")]
struct Options {
    /// The port of 127.0.0.1 to serve the console at; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 6669)]
    port: u16,

    /// End after so many seconds, 1 to 86400, instead of at Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    output::may_end("laneway-console");
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("laneway-console: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = mpsc::channel();
    // Whoever stops twice is stopping already.
    ctrlc::set_handler(move || stop.send(()).unwrap_or(()))?;
    // Before the runtime: it tells the subscriber of its tasks from the first one on.
    let address = serve::serve(options.port)?;

    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    let rt = builder.with_observer(Arc::new(Spans::new())).build()?;
    work::start(&rt);
    println!("Serving. Look at it by: tokio-console http://{address}");

    wait(&stopped, options.seconds.map(Duration::from_secs));
    let report = rt.shutdown(Duration::ZERO);
    println!("Ended, with {} tasks cut off.", report.cut_off);
    Ok(())
}

/// Waits for Ctrl-C, at most for so long.
fn wait(stopped: &Receiver<()>, at_most: Option<Duration>) {
    // An end of the time and a signal come to the same.
    match at_most {
        Some(at_most) => drop(stopped.recv_timeout(at_most)),
        None => drop(stopped.recv()),
    }
}
