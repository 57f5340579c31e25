//! `laneway-jobs`: looks at durable jobs, changes them, moves them, measures them.
//!
//! Read in this order: `spec.rs` and `args.rs`, what a command line says; `failure.rs`
//! and `interrupt.rs`, how a command ends; `out.rs` with `table.rs`, `text.rs`, `clock.rs` and
//! `json.rs`, what is printed; `open.rs`, where a store is found by its address; then any file in
//! `commands/`.

#![forbid(unsafe_code)]

mod args;
mod clock;
mod commands;
mod failure;
mod interrupt;
mod json;
mod length;
mod open;
mod out;
#[cfg(unix)]
mod processor;
#[cfg(not(unix))]
#[path = "processor_elsewhere.rs"]
mod processor;
mod progress;
mod selection;
mod spec;
mod table;
mod text;

use std::env;
use std::process::ExitCode;

use args::Args;
use commands::{COMMANDS, Command};
use failure::Failure;
use out::Out;

fn main() -> ExitCode {
    let words = env::args_os().skip(1).map(|word| word.into_string());
    let words: Result<Vec<String>, _> = words.collect();
    let ended = words
        .map_err(|word| Failure::usage(format!("{} is no text", word.display())))
        .and_then(|words| run(&words));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(words: &[String]) -> Result<(), Failure> {
    let mut words = words.iter();
    let Some(name) = words.next() else {
        return Err(Failure::usage("name a command"));
    };
    match name.as_str() {
        "help" | "--help" | "-h" => help(words.next()),
        "--version" | "-V" => {
            Out::plain().line(concat!("laneway-jobs ", env!("CARGO_PKG_VERSION")))
        }
        name => run_command(command(name)?, words.as_slice()),
    }
}

fn run_command(command: &'static Command, words: &[String]) -> Result<(), Failure> {
    let args = Args::parse(&command.spec, words)?;
    if args.has("help") {
        return Out::plain().line(&command.spec.help());
    }
    let mut out = Out::of(&args);
    (command.run)(&args, &mut out)?;
    out.end()
}

fn command(name: &str) -> Result<&'static Command, Failure> {
    let found = COMMANDS.iter().find(|command| command.spec.name == name);
    found.ok_or_else(|| Failure::usage(format!("there is no command {name:?}")))
}

fn help(about: Option<&String>) -> Result<(), Failure> {
    match about {
        Some(name) => Out::plain().line(&command(name)?.spec.help()),
        None => Out::plain().line(&spec::overview(COMMANDS)),
    }
}
