//! The command line.

use std::ffi::OsString;
use std::thread::available_parallelism;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
Heavy work behind a web server whose health check still answers at once.

Usage: web_tasks [OPTIONS]

  --listen ADDRESS   where to listen; with port 0, the system chooses one [127.0.0.1:8080]
  --workers N        how many tasks run at once [the cores, at least 2]
  --queue N          how many wait besides those; more are refused [256]
  --drain SECONDS    how long requests and tasks may take to end after a signal [10]
  --help             print this";

/// The order to the program.
pub(crate) enum Asked {
    Help,
    Serve(Options),
}

pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    pub(crate) drain: Duration,
}

impl Options {
    fn usual() -> Options {
        let cores = available_parallelism().map_or(1, usize::from);
        Options {
            listen: "127.0.0.1:8080".to_owned(),
            workers: cores.max(2),
            queue: 256,
            drain: Duration::from_secs(10),
        }
    }
}

/// Reads the command line. An error is one line for the user.
pub(crate) fn asked(words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut options = Options::usual();
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (&*word, None),
        };
        let mut value = || {
            let value = value.clone().or_else(|| words.next());
            value.ok_or_else(|| format!("{flag} needs a value; --help tells more"))
        };
        match flag {
            "--help" | "-h" => return Ok(Asked::Help),
            "--listen" => options.listen = value()?,
            "--workers" => options.workers = number(flag, &value()?, 1)?,
            "--queue" => options.queue = number(flag, &value()?, 0)?,
            "--drain" => options.drain = Duration::from_secs(number(flag, &value()?, 0)? as u64),
            _ => return Err(format!("there is no option {word:?}; --help lists them")),
        }
    }
    Ok(Asked::Serve(options))
}

/// As many as a million: more is a slip of the hand.
const MOST: usize = 1_000_000;

fn number(flag: &str, value: &str, least: usize) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if (least..=MOST).contains(&number) => Ok(number),
        _ => Err(format!(
            "{flag} is a whole number from {least} to {MOST}, not {value:?}"
        )),
    }
}
