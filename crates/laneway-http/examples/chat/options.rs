//! The command line.

use std::ffi::OsString;

pub(crate) const USAGE: &str = "\
A chat by WebSocket that answers at once, beside heavy work.

Usage: chat [OPTIONS]

  --listen ADDRESS   where to listen; with port 0, the system chooses one [127.0.0.1:8080]
  --help             print this";

/// The order to the program.
pub(crate) enum Asked {
    Help,
    Serve { listen: String },
}

/// Reads the command line. An error is one line for the user.
pub(crate) fn asked(words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut listen = "127.0.0.1:8080".to_owned();
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (&*word, None),
        };
        match flag {
            "--help" | "-h" => return Ok(Asked::Help),
            "--listen" => {
                let value = value.or_else(|| words.next());
                listen = value.ok_or("--listen needs a value; --help tells more")?;
            }
            _ => return Err(format!("there is no option {word:?}; --help lists them")),
        }
    }
    Ok(Asked::Serve { listen })
}
