//! `cargo book` renders the book into `target/book`; `cargo book --open` shows it.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, io};

use laneway_book::shelf::Shelf;

fn main() -> ExitCode {
    output::may_end("book");
    let args: Vec<String> = env::args().skip(1).collect();
    let open = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--open"] => true,
        _ => {
            eprintln!("cargo book             renders the book");
            eprintln!("cargo book --open      and shows it");
            return ExitCode::from(2);
        }
    };
    match render(open) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn render(open: bool) -> Result<(), Box<dyn Error>> {
    let to = target()?.join("book");
    laneway_book_render::render(&Shelf::open()?, &to)?;
    let first = to.join("index.html");
    println!("{}", first.display());
    if open {
        opener::open(&first)?;
    }
    Ok(())
}

/// Cargo's target folder: this program is in `debug` or `release` there.
fn target() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    let target = target.ok_or_else(|| io::Error::other("this is not in a target folder"))?;
    Ok(target.to_owned())
}
