//! Can a reader build the steps, beginning with any of them, and is nothing of theirs ever lost?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use laneway_book::mine::{Figure, Workshop};
use laneway_book::shelf::{Chapter, Shelf};

fn shelf() -> Shelf {
    Shelf::open().expect("the chapters can be read")
}

/// A folder for the steps of one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It is not there the first time.
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// The program that `cargo chapter` runs.
fn chapter(mine: &Path, args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_chapter"));
    let output = program.env("LANEWAY_MINE", mine).args(args).output();
    output.expect("the program runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_succeeds(command: &mut Command) {
    let output = command.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", printed(&output));
}

/// From the last to the first, so that no step finds one of the reader's before it.
#[test]
fn a_reader_can_begin_with_any_chapter() {
    let shelf = shelf();
    let workshop = Workshop::at(&shelf, folder("any"));
    for chapter in shelf.chapters.iter().rev() {
        let made = workshop.make(chapter).expect("there is no such step yet");
        assert!(!made.from.contains("your step"), "{}", made.from);
        let unwritten = workshop.unwritten(chapter).expect("a step can be read");
        assert!(!unwritten.is_empty(), "chapter {}", chapter.number);
        assert!(
            unwritten.iter().all(|part| !part.name.is_empty()),
            "{unwritten:?}"
        );
    }
    for chapter in &shelf.chapters {
        assert_succeeds(workshop.cargo("check", chapter).arg("--tests"));
    }
}

/// The reader writes what the book writes, in each step, and a function besides.
#[test]
fn a_reader_who_writes_what_the_book_writes_passes_every_step() {
    let shelf = shelf();
    let workshop = Workshop::at(&shelf, folder("all"));
    for chapter in &shelf.chapters {
        let made = workshop.make(chapter).expect("there is no such step yet");
        let goes_on = made.from.contains("your step");
        assert_eq!(goes_on, chapter.number > 1, "{}", made.from);
        let library = made.folder.join("src/lib.rs");
        let kept = fs::read_to_string(&library).expect("a step has a library");
        assert_eq!(kept.contains("of_the_reader"), goes_on, "{kept}");
        write_as_the_book(&shelf, chapter, &made.folder.join("src"));
        assert_succeeds(
            workshop
                .cargo("test", chapter)
                .args(["--test", "conformance"]),
        );
    }
}

/// In a step that goes on from the reader's chapter 1.
fn write_as_the_book(shelf: &Shelf, chapter: &Chapter, sources: &Path) {
    copy_from_the_book(shelf, chapter, sources);
    let library = sources.join("lib.rs");
    let mut text = fs::read_to_string(&library).expect("a step has a library");
    if chapter.number > 1 {
        // The reader built these in chapter 1, and the book has no use for them.
        text += "\nmod block_on;\nmod letter;\n\n\
                 pub use block_on::block_on;\npub use letter::letter;\n";
    }
    text += "\nfn of_the_reader() {}\n";
    fs::write(&library, text).expect("a library can be written");
}

fn copy_from_the_book(shelf: &Shelf, chapter: &Chapter, sources: &Path) {
    let book = shelf.path(&chapter.file("src"));
    for entry in fs::read_dir(book).expect("a chapter has sources") {
        let file = entry.expect("a folder can be read").path();
        if file.is_file() {
            let name = file.file_name().expect("a file has a name");
            fs::copy(&file, sources.join(name)).expect("a source can be written");
        }
    }
}

#[test]
fn a_step_that_is_there_stays_as_it_is() {
    let mine = folder("stays");
    let first = chapter(&mine, &["1", "mine"]);
    assert_eq!(first.status.code(), Some(0), "{}", printed(&first));
    let file = mine.join("01-a-future-is-polled/src/block_on.rs");
    fs::write(&file, "// Hours of work.\n").expect("a source can be written");
    let second = chapter(&mine, &["1", "mine"]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        said.contains("stays as it is") && said.contains("To begin again"),
        "{said}"
    );
    let kept = fs::read_to_string(&file).expect("a source can be read");
    assert_eq!(kept, "// Hours of work.\n");
}

#[test]
fn a_check_tells_what_is_missing_and_then_a_line_for_each_check() {
    let mine = folder("missing");
    chapter(&mine, &["1", "mine"]);
    let check = chapter(&mine, &["1", "check"]);
    assert_eq!(check.status.code(), Some(1));
    let lines = printed(&check);
    let lines: Vec<&str> = lines.lines().collect();
    let missing = lines
        .iter()
        .take_while(|line| line.starts_with("to write  "));
    let missing = missing.count();
    assert!(missing > 0 && lines[0].ends_with("block_on"), "{lines:#?}");
    let checks = &lines[missing..lines.len() - 1];
    assert!(
        checks.iter().all(|line| line.starts_with("1 missing ")),
        "{lines:#?}"
    );
    assert_eq!(*lines.last().expect("lines"), "0 of 8 checks pass");
    // Neither a backtrace nor a colour: this is no terminal.
    let said = String::from_utf8_lossy(&check.stderr);
    assert!(
        !said.contains("panicked") && !said.contains('\u{1b}'),
        "{said}"
    );
    assert!(!lines.concat().contains('\u{1b}'), "{lines:#?}");
}

/// Where chapter 1 is not written, its checks are missing in chapter 2 as well.
#[test]
fn no_check_passes_where_nothing_is_written() {
    let mine = folder("nothing");
    for number in ["1", "2"] {
        chapter(&mine, &[number, "mine"]);
    }
    let lines = printed(&chapter(&mine, &["2", "check"]));
    assert!(lines.ends_with("\n0 of 20 checks pass\n"), "{lines}");
}

/// A recorded run of the reader's own step is a page in one piece. A program that does not record
/// itself is not taken for one that does.
#[test]
fn a_run_of_a_readers_step_can_be_played() {
    let shelf = shelf();
    let mine = folder("played");
    let seventh = shelf.chapter(7).expect("there is a chapter 7");
    let workshop = Workshop::at(&shelf, mine.clone());
    let made = workshop.make(seventh).expect("there is no such step yet");
    copy_from_the_book(&shelf, seventh, &made.folder.join("src"));
    let other = chapter(&mine, &["7", "replay", "dinner_set"]);
    assert_eq!(other.status.code(), Some(2));
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.contains("record themselves: parent"), "{said}");
    let replay = chapter(&mine, &["7", "replay"]);
    assert_eq!(replay.status.code(), Some(0), "{}", printed(&replay));
    let page = made.folder.join("replays/parent.html");
    assert!(
        printed(&replay).ends_with("replays/parent.html\n"),
        "{}",
        printed(&replay)
    );
    let page = fs::read_to_string(page).expect("the page is there");
    for part in [
        "<title>Chapter 7: parent, on your step</title>",
        "\"format\":\"laneway-replay\"",
        "examples/parent.rs",
        "data-names data-colours=\"tasks\"",
        "globalThis.LanewayReplay",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("/*SCRIPT*/") && !page.contains("<!--RECORDING-->"));
}

/// Without the optimiser, which would have to build Laneway too.
#[test]
fn a_readers_step_can_be_measured() {
    let shelf = shelf();
    let workshop = Workshop::at(&shelf, folder("measured"));
    let fifth = shelf.chapter(5).expect("there is a chapter 5");
    let made = workshop.make(fifth).expect("there is no such step yet");
    let mut measure = workshop.cargo("test", fifth);
    measure.args(["--test", "conformance"]);
    for (name, value) in workshop.measure(fifth).get_envs() {
        measure.env(name, value.expect("it is set"));
    }
    // A step that is not written yet fails, rather than telling half of the figures.
    assert!(!measure.output().expect("cargo runs").status.success());
    copy_from_the_book(&shelf, fifth, &made.folder.join("src"));
    let output = measure.output().expect("cargo runs");
    let figures = Figure::all_in(&printed(&output));
    assert_eq!(figures.len(), 5, "{}", printed(&output));
    for figure in figures {
        let in_order = figure.least <= figure.median && figure.median <= figure.most;
        assert!(in_order && !figure.least.is_zero(), "{figure:?}");
    }
}

/// A step that is done leads to the next one. A task that is never scheduled is dropped, and awaited
/// it panics with words of async-task that say something else.
#[test]
fn a_check_speaks_of_the_mistake_and_not_of_its_panic() {
    let shelf = shelf();
    let mine = folder("mistaken");
    let second = shelf.chapter(2).expect("there is a chapter 2");
    let made = Workshop::at(&shelf, mine.clone()).make(second);
    let sources = made.expect("there is no such step yet").folder.join("src");
    write_as_the_book(&shelf, second, &sources);
    let done = printed(&chapter(&mine, &["2", "check"]));
    assert!(
        done.ends_with("\ncargo chapter 3 mine   goes on from here\n"),
        "{done}"
    );
    let library = sources.join("lib.rs");
    let text = fs::read_to_string(&library).expect("a step has a library");
    let unscheduled = text.replace("    runnable.schedule();\n", "    drop(runnable);\n");
    assert_ne!(text, unscheduled);
    let said = said_of(&mine, &library, &unscheduled);
    assert!(
        said.contains("it was dropped before its end") && !said.contains("completion"),
        "{said}"
    );
    assert!(!said.contains("left:"), "{said}");
    let busy = text.replace("queue.recv()", "queue.try_recv().or_else(|_| next(queue))")
        + "fn next(queue: &Receiver<Runnable>) -> Result<Runnable, flume::RecvError> {
               loop { if let Ok(runnable) = queue.try_recv() { return Ok(runnable); } }
           }";
    let said = said_of(&mine, &library, &busy);
    assert!(
        said.contains("without a task these threads never rest: "),
        "{said}"
    );
    let wrong = text.replace("Err(_) => false", "Err(_) => true");
    let said = said_of(&mine, &library, &wrong);
    assert!(
        said.contains("whether there was a task, in five steps: ["),
        "{said}"
    );
}

/// The lines of a check of step 2 with this library.
fn said_of(mine: &Path, library: &Path, text: &str) -> String {
    fs::write(library, text).expect("a library can be written");
    printed(&chapter(mine, &["2", "check"]))
}

#[test]
fn a_chapter_without_a_recorded_program_says_so() {
    let mine = folder("unrecorded");
    chapter(&mine, &["1", "mine"]);
    let replay = chapter(&mine, &["1", "replay"]);
    assert_eq!(replay.status.code(), Some(2));
    let said = String::from_utf8_lossy(&replay.stderr);
    assert!(
        said.contains("no program of chapter 1 records itself"),
        "{said}"
    );
}

#[test]
fn bad_usage_ends_with_2() {
    let mine = folder("usage");
    for args in [
        &["1", "check"][..],
        &["1", "check", "more"],
        &["1", "mine", "no_such_program"],
        &["99", "mine"],
        &["1", "mined"],
        &["2", "replay"],
        &["2", "replay", "timeline", "more"],
        &["2", "bench"],
        &["2", "bench", "more"],
    ] {
        let output = chapter(&mine, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    assert!(!mine.exists(), "nothing was made");
}
