//! `cargo chapter`: lists the chapters; `cargo chapter 2` runs the second one's program.

use std::env;
use std::process::{Command, ExitCode};

use laneway_book::check::SHOW_RED;
use laneway_book::shelf::{Chapter, Shelf};
use laneway_book::{programs, prose};

const USAGE: &str = "\
cargo chapter                        lists the chapters
cargo chapter N                      runs chapter N's program
cargo chapter N PROGRAM [ARGS]       runs another of its programs
cargo chapter N broken               runs the test that fails until the chapter's bug is mended
cargo chapter N exercise             runs the test that fails until the exercise is solved
cargo chapter N solution             runs the same test on a solution
cargo chapter N test                 runs all tests of the chapter";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match command(&args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn command(args: &[String]) -> Result<ExitCode, String> {
    let shelf = Shelf::open().map_err(|error| error.to_string())?;
    let Some((number, rest)) = args.split_first() else {
        list(&shelf)?;
        return Ok(ExitCode::SUCCESS);
    };
    if ["-h", "--help", "help"].contains(&number.as_str()) {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let chapter = number.parse().ok().and_then(|number| shelf.chapter(number));
    let chapter = chapter.ok_or_else(|| {
        format!("there is no chapter `{number}`; `cargo chapter` lists them\n\n{USAGE}")
    })?;
    run(&shelf, chapter, rest)
}

fn list(shelf: &Shelf) -> Result<(), String> {
    for chapter in &shelf.chapters {
        let pieces = chapter.pieces().map_err(|mistake| mistake.to_string())?;
        let (_, minutes) = prose::count(&pieces);
        println!(
            "{:>2}  {} ({minutes} minutes)",
            chapter.number, chapter.title
        );
        for program in programs(shelf, chapter)? {
            println!("      {:<18} {}", program.name, program.about);
        }
    }
    println!("\n{USAGE}");
    Ok(())
}

fn programs(shelf: &Shelf, chapter: &Chapter) -> Result<Vec<programs::Program>, String> {
    programs::of(shelf, chapter).map_err(|error| format!("{}: {error}", chapter.folder))
}

fn run(shelf: &Shelf, chapter: &Chapter, args: &[String]) -> Result<ExitCode, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["test"] => test(&mut cargo, chapter, ""),
        ["broken"] => test(&mut cargo, chapter, "broken::").env(SHOW_RED, "1"),
        ["exercise"] => test(&mut cargo, chapter, "exercise::the_exercise").env(SHOW_RED, "1"),
        ["solution"] => test(&mut cargo, chapter, "exercise::the_solution"),
        [
            word @ ("test" | "broken" | "exercise" | "solution"),
            more,
            ..,
        ] => {
            let message = format!("`{more}` is one word too many after `{word}`\n\n{USAGE}");
            return Err(message);
        }
        _ => program(&mut cargo, shelf, chapter, args)?,
    };
    let status = cargo.current_dir(&shelf.root).status();
    let status = status.map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(ExitCode::from(match status.code() {
        Some(0) => 0,
        _ => 1,
    }))
}

/// A program of a chapter: the one that is named, or else the first.
fn program<'a>(
    cargo: &'a mut Command,
    shelf: &Shelf,
    chapter: &Chapter,
    args: &[String],
) -> Result<&'a mut Command, String> {
    let programs = programs(shelf, chapter)?;
    // What begins with a dash is for the program that runs by itself.
    let named = args.first().filter(|name| !name.starts_with('-'));
    let program = match named {
        None => programs.first(),
        Some(name) => programs.iter().find(|program| program.name == **name),
    };
    let program = program.ok_or_else(|| {
        let names: Vec<&str> = programs.iter().map(|p| p.name.as_str()).collect();
        let (name, names) = (named.map_or("", |name| name), names.join(", "));
        format!(
            "chapter {} has no program `{name}`; it has: {names}\n\n{USAGE}",
            chapter.number
        )
    })?;
    Ok(cargo
        .args(["run", "--quiet", "--package", &chapter.package()])
        .args(["--bin", &program.name, "--"])
        .args(&args[usize::from(named.is_some())..]))
}

/// Those tests of a chapter whose names contain `filter`.
fn test<'a>(cargo: &'a mut Command, chapter: &Chapter, filter: &str) -> &'a mut Command {
    cargo
        .args(["test", "--quiet", "--package", &chapter.package()])
        .args(["--test", "chapter", filter])
}
