//! Does the rendered book work in a browser, from a disk: replays, predictions, search, phones?
//!
//! Needs Chromium and its chromedriver. Where they are missing the test says so and passes, except
//! in CI.

#[path = "../../../tests/browser/mod.rs"]
mod browser;

use std::env;
use std::path::{Path, PathBuf};

use browser::Browser;
use laneway_book::shelf::Shelf;

/// Renders the book, and gives its pages, the chapters' first.
fn pages() -> Vec<PathBuf> {
    let book = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book-in-browser");
    let shelf = Shelf::open().expect("the chapters can be read");
    laneway_book_render::render(&shelf, &book).unwrap_or_else(|error| panic!("\n{error}\n"));
    let chapters = shelf.chapters.iter();
    chapters
        .map(|chapter| book.join(&chapter.folder).join("index.html"))
        .chain([book.join("index.html"), book.join("glossary.html")])
        .collect()
}

#[test]
fn the_book_works_in_a_browser() {
    let programs = match browser::find() {
        Ok(programs) => programs,
        Err(why) if env::var_os("CI").is_none() => {
            println!("skipped: {why}");
            return;
        }
        Err(why) => panic!("{why}"),
    };
    let browser = Browser::start(&programs);
    let pages = pages();
    for page in &pages {
        for light in ["light", "dark"] {
            fits_every_screen(&browser, page, light);
        }
        replays_play(&browser, page);
        tokens_stand_apart(&browser, page);
        predictions_answer(&browser, page);
    }
    the_search_finds(&browser, &pages[0]);
}

/// Opens without a complaint, asks the net for nothing, and is no wider than the screen. On a wide
/// one no line of code is cut off.
fn fits_every_screen(browser: &Browser, page: &Path, light: &str) {
    browser.prefer(&[("prefers-color-scheme", light)]);
    for (width, height) in [(1280, 900), (390, 800)] {
        browser.resize(width, height);
        browser.open(page);
        let visit = browser.visit();
        let place = format!("{}, {width} wide, {light}", page.display());
        assert!(visit.console.is_empty(), "{place}: {:?}", visit.console);
        let mut requests = visit.requests.iter();
        let outside = requests.find(|url| !url.starts_with("file://"));
        assert_eq!(outside, None, "{place}");
        let too_wide = browser.run(
            "return [...document.querySelectorAll('main > *, .box > *')]
                 .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
                 .map((e) => e.outerHTML.slice(0, 80))",
        );
        assert_eq!(
            too_wide.as_array().map(Vec::len),
            Some(0),
            "{place}: {too_wide}"
        );
        let cut = browser.run(
            "return [...document.querySelectorAll('figure.diff pre, figure:not(.diff) pre > code')]
                 .filter((code) => innerWidth > 1000 && code.scrollWidth > code.clientWidth + 1)
                 .map((code) => code.textContent.slice(0, 80))",
        );
        assert_eq!(cut.as_array().map(Vec::len), Some(0), "{place}: {cut}");
        let hidden = browser.run(
            "return [...document.querySelectorAll('figure.drawing:has(.narrow)')]
                 .filter((figure) => figure.scrollWidth > figure.clientWidth + 1)
                 .map((figure) => figure.textContent.slice(0, 80))",
        );
        assert_eq!(
            hidden.as_array().map(Vec::len),
            Some(0),
            "{place}: {hidden}"
        );
        let theme = browser.run("return document.documentElement.className");
        let expected = if light == "dark" { "navy" } else { "light" };
        assert!(
            theme.as_str().is_some_and(|theme| theme.contains(expected)),
            "{place}: {theme}"
        );
    }
}

fn replays_play(browser: &Browser, page: &Path) {
    browser.resize(1280, 900);
    browser.open(page);
    let place = page.display().to_string();
    let replays = browser.run("return document.querySelectorAll('.laneway-replay').length");
    let players = browser.run("return LanewayReplay.players.length");
    assert_eq!(replays, players, "{place}: every replay has its player");
    let empty =
        browser.run("return LanewayReplay.players.filter((p) => !p.recording.length).length");
    assert_eq!(empty, 0, "{place}: something was recorded");
    let unlit = browser.run(
        "return [...document.querySelectorAll('figure.replay')]
             .filter((f) => f.querySelectorAll('.printed .now').length !== 1).length",
    );
    assert_eq!(unlit, 0, "{place}: a replay opens at a line of the run");
    let strips = browser.run(
        "dispatchEvent(new Event('beforeprint'));
         return document.querySelectorAll('figure.replay .strip:has(.frame + .frame)').length",
    );
    assert_eq!(strips, replays, "{place}: every replay is a strip on paper");
    let broken =
        browser.run("return document.querySelectorAll('.laneway-replay [role=alert]').length");
    assert_eq!(broken, 0, "{place}: a replay cannot be shown");
}

/// On a phone, too, no name of a task lies on another's, at any moment of a run. Nor is a line of what
/// was printed torn between two columns.
fn tokens_stand_apart(browser: &Browser, page: &Path) {
    for width in [390, 1280] {
        browser.resize(width, 800);
        browser.open(page);
        let place = format!("{}, {width} wide", page.display());
        let overlapping = browser.run(
            "const found = [];
             for (const player of LanewayReplay.players) {
                 const stage = player.stage;
                 for (let at = 0; at <= player.recording.length; at++) {
                     const { targets } = stage.targets(player.recording.moment(at));
                     const all = [...targets];
                     for (const [a, p] of all) for (const [b, q] of all) {
                         const isBeside = a !== b && Math.abs(p.y - q.y) < 18 && q.x >= p.x;
                         const name = player.recording.tasks[a].name ?? '';
                         if (isBeside && name && q.x - p.x < Math.min(104, 6.5 * name.length + 14))
                             found.push(`${name} at ${at}`);
                     }
                 }
             }
             return found.slice(0, 5)",
        );
        assert_eq!(
            overlapping.as_array().map(Vec::len),
            Some(0),
            "{place}: {overlapping}"
        );
        let torn = browser.run(
            "return [...document.querySelectorAll('.printed li')]
                 .filter((line) => line.getClientRects().length > 1)
                 .map((line) => line.textContent)",
        );
        assert_eq!(torn.as_array().map(Vec::len), Some(0), "{place}: {torn}");
    }
}

/// A wrong guess is told why it is wrong and lets one guess again. The right choice is marked as right,
/// the others as wrong, and the answer shows.
fn predictions_answer(browser: &Browser, page: &Path) {
    browser.open(page);
    let told = browser.run(
        "return [...document.querySelectorAll('.predict')].filter((box) => {
             const right = box.querySelector('.answer').textContent.replace(/\\.$/, '').trim();
             const wrong = [...box.querySelectorAll('.choice')]
                 .filter((choice) => choice.textContent.trim() !== right);
             if (!box.querySelector('details > ul')) return false;
             wrong.forEach((choice) => choice.click());
             const whys = box.querySelectorAll('.why').length;
             return box.querySelector('details').open || whys !== wrong.length;
         }).map((box) => box.textContent.slice(0, 80))",
    );
    let place = page.display();
    assert_eq!(told.as_array().map(Vec::len), Some(0), "{place}: {told}");
    let wrong = browser.run(
        "return [...document.querySelectorAll('.predict')].filter((box) => {
             const choices = [...box.querySelectorAll('.choice')];
             choices.forEach((choice) => choice.click());
             const right = choices.filter((choice) => choice.classList.contains('right'));
             const expected = choices.length ? 1 : 0;
             return right.length !== expected || (choices.length && !box.querySelector('details').open);
         }).map((box) => box.textContent.slice(0, 80))",
    );
    assert_eq!(
        wrong.as_array().map(Vec::len),
        Some(0),
        "{}: {wrong}",
        page.display()
    );
}

fn the_search_finds(browser: &Browser, page: &Path) {
    browser.open(page);
    browser.press(&['s']);
    browser.eventually(
        "the search opens",
        "return document.activeElement.id === 'mdbook-searchbar'",
    );
    browser.press(&['w', 'a', 'k', 'e', 'r']);
    browser.eventually(
        "the search finds a word of the book",
        "return document.querySelectorAll('#mdbook-searchresults li').length > 0",
    );
}
