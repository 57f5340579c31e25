//! `cargo chapter`: lists the chapters; `cargo chapter 2` runs the second one's program.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, thread};

use laneway_book::check::SHOW_RED;
use laneway_book::mine::{Figure, Workshop, table};
use laneway_book::shelf::{Chapter, Shelf};
use laneway_book::{programs, prose, replay};

const USAGE: &str = "\
cargo chapter                        lists the chapters
cargo chapter N                      runs chapter N's program
cargo chapter N PROGRAM [ARGS]       runs another of its programs
cargo chapter N broken               runs the test that fails until the chapter's bug is mended
cargo chapter N exercise             runs the tests that fail until the exercises are solved
cargo chapter N solution             runs the same tests on solutions
cargo chapter N test                 runs all tests of the chapter
cargo chapter N mine                 makes your own step N, to be written by you, in the folder `mine`
cargo chapter N check                tells what your step N is missing, and what it does right
cargo chapter N mine PROGRAM [ARGS]  runs one of the chapter's programs on your step N
cargo chapter N replay [PROGRAM]     records such a run, and makes the page that plays it
cargo chapter N bench                measures your step N, and Laneway beside it";

fn main() -> ExitCode {
    output::may_end("chapter");
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
        ["mine"] => return make(&Workshop::of(shelf), chapter),
        ["mine", program, ..] => return try_out(shelf, chapter, program, &args[2..]),
        ["check"] => return check(shelf, chapter),
        ["replay"] => return replay(shelf, chapter, None),
        ["replay", program] => return replay(shelf, chapter, Some(program)),
        ["bench"] => return bench(shelf, chapter),
        ["test"] => test(&mut cargo, chapter, ""),
        // What is red on purpose is read by its message.
        ["broken"] => test(&mut cargo, chapter, "broken::")
            .env(SHOW_RED, "1")
            .env("RUST_BACKTRACE", "0"),
        ["exercise"] => test(&mut cargo, chapter, "::the_exercise").env(SHOW_RED, "1"),
        ["solution"] => test(&mut cargo, chapter, "::the_solution"),
        [
            word @ ("test" | "broken" | "exercise" | "solution" | "check" | "bench"),
            more,
            ..,
        ]
        | [word @ "replay", _, more, ..] => {
            let message = format!("`{more}` is one word too many after `{word}`\n\n{USAGE}");
            return Err(message);
        }
        _ => program(&mut cargo, shelf, chapter, args)?,
    };
    succeeded(cargo.current_dir(&shelf.root))
}

/// Whether a command succeeds, as the exit code of this program: 2 where its arguments are wrong.
fn succeeded(command: &mut Command) -> Result<ExitCode, String> {
    let status = command.status();
    let status = status.map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(ExitCode::from(match status.code() {
        Some(0) => 0,
        Some(2) => 2,
        _ => 1,
    }))
}

/// Makes the reader's own step of a chapter.
fn make(workshop: &Workshop<'_>, chapter: &Chapter) -> Result<ExitCode, String> {
    let made = match workshop.make(chapter) {
        Ok(made) => made,
        Err(message) => {
            eprintln!("{message}");
            return Ok(ExitCode::FAILURE);
        }
    };
    println!(
        "your step {} is in {}",
        chapter.number,
        made.folder.display()
    );
    println!("it goes on from {}\n", made.from);
    list_unwritten(workshop, chapter)?;
    println!(
        "\ncargo chapter {} check   tells how far you are",
        chapter.number
    );
    Ok(ExitCode::SUCCESS)
}

fn list_unwritten(workshop: &Workshop<'_>, chapter: &Chapter) -> Result<(), String> {
    let unwritten = workshop
        .unwritten(chapter)
        .map_err(|error| error.to_string())?;
    for part in unwritten {
        println!("to write  {}:{} {}", part.file, part.line, part.name);
    }
    Ok(())
}

/// Lists what is missing in the reader's step, then a line for each check.
fn check(shelf: &Shelf, chapter: &Chapter) -> Result<ExitCode, String> {
    let workshop = &Workshop::of(shelf);
    if !workshop.step(chapter).exists() {
        return Err(no_step(chapter));
    }
    list_unwritten(workshop, chapter)?;
    let test = |cargo: &mut Command| cargo.args(["--test", "conformance"]).status();
    let built = test(workshop.cargo("test", chapter).arg("--no-run"));
    if !built
        .map_err(|error| format!("cannot run cargo: {error}"))?
        .success()
    {
        eprintln!("your step does not compile yet: begin with the first error");
        return Ok(ExitCode::FAILURE);
    }
    let mut run = workshop.cargo("test", chapter);
    // Cargo would say once more that a test has failed.
    run.args(["--test", "conformance"]).stderr(Stdio::null());
    let ended = succeeded(&mut run)?;
    let next = shelf.chapter(chapter.number + 1);
    if let Some(next) = next.filter(|_| ended == ExitCode::SUCCESS) {
        println!("\ncargo chapter {} mine   goes on from here", next.number);
    }
    Ok(ended)
}

fn no_step(chapter: &Chapter) -> String {
    let number = chapter.number;
    format!("you have no step {number} yet: `cargo chapter {number} mine` makes it")
}

/// Runs a program of the chapter on the reader's step.
fn try_out(
    shelf: &Shelf,
    chapter: &Chapter,
    program: &str,
    args: &[String],
) -> Result<ExitCode, String> {
    let workshop = Workshop::of(shelf);
    let file = format!("examples/{program}.rs");
    let step = workshop.step(chapter);
    if !step.exists() {
        return Err(no_step(chapter));
    }
    if !step.join(&file).exists() {
        let folder = step.display();
        return Err(format!("there is no {file} in {folder}\n\n{USAGE}"));
    }
    let mut run = workshop.cargo("run", chapter);
    succeeded(run.args(["--example", program, "--"]).args(args))
}

/// Records a run of a program on the reader's step, and makes a page of it.
fn replay(shelf: &Shelf, chapter: &Chapter, named: Option<&str>) -> Result<ExitCode, String> {
    let workshop = Workshop::of(shelf);
    let program = recorded(&workshop, chapter, named)?;
    let (recording, page) = workshop
        .replay(chapter, &program)
        .map_err(|error| format!("{}: {error}", workshop.step(chapter).display()))?;
    let mut run = workshop.cargo("run", chapter);
    run.args(["--example", &program, "--", "--record"]);
    let ended = succeeded(run.arg(&recording))?;
    if ended != ExitCode::SUCCESS {
        return Ok(ended);
    }
    let title = format!("Chapter {}: {program}, on your step", chapter.number);
    let written = fs::read_to_string(&recording)
        .and_then(|recording| fs::write(&page, replay::page(&title, &recording)));
    written.map_err(|error| format!("{}: {error}", page.display()))?;
    println!("\nto be played in a browser: {}", page.display());
    Ok(ExitCode::SUCCESS)
}

/// The program of the reader's step to be recorded: the one that is named, or else the first.
fn recorded(
    workshop: &Workshop<'_>,
    chapter: &Chapter,
    named: Option<&str>,
) -> Result<String, String> {
    if !workshop.step(chapter).exists() {
        return Err(no_step(chapter));
    }
    let all = workshop.recorded(chapter);
    let all = all.map_err(|error| error.to_string())?;
    let found = match named {
        None => all.first(),
        Some(name) => all.iter().find(|program| *program == name),
    };
    let number = chapter.number;
    if all.is_empty() {
        let why = "its programs put nothing into a queue, so there is nothing to play";
        return Err(format!(
            "no program of chapter {number} records itself: {why}"
        ));
    }
    found.cloned().ok_or_else(|| {
        let all = all.join(", ");
        format!("programs of your step {number} that record themselves: {all}\n\n{USAGE}")
    })
}

/// Measures the reader's step and Laneway, one after the other.
fn bench(shelf: &Shelf, chapter: &Chapter) -> Result<ExitCode, String> {
    let number = chapter.number;
    let workshop = Workshop::of(shelf);
    if !workshop.step(chapter).exists() {
        return Err(no_step(chapter));
    }
    if number < 2 {
        return Err("chapter 1 spawns no tasks: there is nothing to measure".to_owned());
    }
    eprintln!("both are built for release, which takes minutes the first time");
    let Some(own) = figures(&mut workshop.measure(chapter))? else {
        eprintln!("your step {number} does not run yet: `cargo chapter {number} check` tells why");
        return Ok(ExitCode::FAILURE);
    };
    let Some(laneway) = figures(&mut workshop.measure_laneway())? else {
        return Ok(ExitCode::FAILURE);
    };
    print!("{}", table(&format!("your step {number}"), &own, &laneway));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("\nthe median of nine rounds (least to most), on {cores} cores");
    println!("Laneway has two high and two low threads, all of the same niceness");
    Ok(ExitCode::SUCCESS)
}

/// The figures that a command prints, unless it fails.
fn figures(command: &mut Command) -> Result<Option<Vec<Figure>>, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run cargo: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success().then(|| Figure::all_in(&printed)))
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
