//! Does the rendered book work in a browser, from a disk: replays, predictions, search, phones?
//!
//! Needs Chromium and its chromedriver. Where they are missing the test says so and passes, except
//! in CI.

#[path = "../../../tests/browser/mod.rs"]
mod browser;

use std::path::{Path, PathBuf};
use std::{env, fs};

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
        .chain(["index", "glossary", "thanks"].map(|name| book.join(format!("{name}.html"))))
        .collect()
}

/// The pages of source files in this folder of the rendered book, and below it.
fn source_pages(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        match path.is_dir() {
            true => source_pages(&path, pages),
            false => pages.push(path),
        }
    }
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
        labels_stand_apart(&browser, page);
        wrapped_code_is_indented(&browser, page);
        replays_play(&browser, page);
        tokens_stand_apart(&browser, page);
        predictions_answer(&browser, page);
    }
    the_search_finds(&browser, &pages[0]);
    let book = pages.last().and_then(|page| page.parent());
    let mut sources = Vec::new();
    source_pages(&book.expect("it is rendered").join("source"), &mut sources);
    assert!(!sources.is_empty(), "chapters link to sources");
    for (width, height) in SCREENS {
        browser.resize(width, height);
        for page in &sources {
            browser.open(page);
            is_no_wider(&browser, &format!("{}, {width} wide", page.display()));
        }
    }
}

/// A desk and a phone.
const SCREENS: [(u32, u32); 2] = [(1280, 900), (390, 800)];

/// Nothing of a page is to the right of the screen.
fn is_no_wider(browser: &Browser, place: &str) {
    let over = browser
        .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "{place}: it is wider than the screen");
}

/// No label of a drawing lies on another, leaves the drawing or is too small to be read.
fn labels_stand_apart(browser: &Browser, page: &Path) {
    for (width, height) in SCREENS {
        browser.resize(width, height);
        browser.open(page);
        let found = browser.run(LABELS);
        let place = format!("{}, {width} wide", page.display());
        assert_eq!(found.as_array().map(Vec::len), Some(0), "{place}: {found}");
    }
}

/// The faults of the labels in a page's drawings.
const LABELS: &str = "
    const found = [];
    for (const drawing of document.querySelectorAll('figure.drawing svg')) {
        const frame = drawing.getBoundingClientRect();
        const labels = [...drawing.querySelectorAll('text')]
            .map((label) => ({ label, name: label.textContent, box: label.getBoundingClientRect() }))
            .filter(({ box }) => box.width > 0);
        const holds = ({ left, right, top, bottom }, x, y) =>
            x > left && x < right && y > top && y < bottom;
        const lines = [...drawing.querySelectorAll(':not(marker) > path')].map((line) => {
            const to = line.getScreenCTM();
            const count = to ? Math.ceil(line.getTotalLength() / 3) : 0;
            return Array.from({ length: count }, (_, i) => line.getPointAtLength(3 * i).matrixTransform(to));
        });
        const frames = [...drawing.querySelectorAll('rect, circle')]
            .map((rect) => ({ fill: getComputedStyle(rect).fill, box: rect.getBoundingClientRect() }));
        labels.forEach(({ label, name, box }, i) => {
            const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
            const letters = { left: box.left - 2, right: box.right + 2, top: box.top + 4, bottom: box.bottom - 4 };
            const isCovered = frames.some(({ fill, box }) => fill !== 'none' && holds(box, ...middle));
            if (!isCovered && lines.some((line) => line.some(({ x, y }) => holds(letters, x, y))))
                found.push(`${name}: on a line`);
            const touched = frames.some(({ box }) => !holds(box, ...middle)
                && box.left < letters.right && box.right > letters.left
                && box.top < letters.bottom && box.bottom > letters.top);
            if (touched) found.push(`${name}: touches a box`);
            const tight = frames.filter(({ box }) => holds(box, ...middle))
                .some((frame) => box.left < frame.box.left + 1 || box.right > frame.box.right - 1);
            if (tight) found.push(`${name}: wider than its box`);
            const scale = frame.width / drawing.viewBox.baseVal.width;
            const size = parseFloat(getComputedStyle(label).fontSize) * scale;
            if (size < 12) found.push(`${name}: ${size} px`);
            const isOut = box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
            if (isOut) found.push(`${name}: outside`);
            for (const other of labels.slice(i + 1)) {
                const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
                const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
                // A box has room above and below its letters.
                if (across > -4 && down > 4) found.push(`${name} at ${other.name}`);
            }
        });
    }
    return found";

/// Opens without a complaint, asks the net for nothing, and is no wider than the screen. On a wide
/// one no line of code is cut off.
fn fits_every_screen(browser: &Browser, page: &Path, light: &str) {
    browser.prefer(&[("prefers-color-scheme", light)]);
    for (width, height) in SCREENS {
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
        is_no_wider(browser, &place);
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

/// On a phone, a line of code that is wrapped goes on further to the right than it began, and it
/// begins in its first row.
fn wrapped_code_is_indented(browser: &Browser, page: &Path) {
    browser.resize(390, 800);
    browser.open(page);
    let found = browser.run(
        "const isWrong = (line) => {
             const range = document.createRange();
             range.selectNodeContents(line);
             const rows = [...range.getClientRects()].filter(({ width }) => width > 0);
             if (!rows.length) return false;
             const box = line.getBoundingClientRect();
             const top = Math.min(...rows.map((row) => row.top));
             const { paddingLeft, textIndent } = getComputedStyle(line);
             const began = box.left + parseFloat(paddingLeft) + parseFloat(textIndent);
             return top > box.top + 8
                 || rows.some((row) => row.top > top + 8 && row.left < began + 1);
         };
         return [...document.querySelectorAll('figure:not(.drawing) pre > code')]
             .filter((code) => !code.querySelector('.code-line')
                 || [...code.querySelectorAll('.code-line')].some(isWrong))
             .map((code) => code.textContent.slice(0, 80))",
    );
    let place = page.display();
    assert_eq!(found.as_array().map(Vec::len), Some(0), "{place}: {found}");
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
