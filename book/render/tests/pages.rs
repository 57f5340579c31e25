//! Are the rendered pages whole?
//!
//! They are rendered once and read as text: what is missing would be missing in a browser, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use laneway_book::shelf::Shelf;

/// The rendered book: the text of each page by its path.
static PAGES: LazyLock<BTreeMap<PathBuf, String>> = LazyLock::new(|| {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let shelf = Shelf::open().expect("the chapters can be read");
    laneway_book_render::render(&shelf, &to).unwrap_or_else(|error| panic!("\n{error}\n"));
    let mut pages = BTreeMap::new();
    gather(&to, &mut pages);
    pages
});

fn gather(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            gather(&path, pages);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            let text = fs::read_to_string(&path).expect("a page can be read");
            pages.insert(path, text);
        }
    }
}

/// The values of an attribute, as they stand in a page.
fn attribute<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!(" {name}=\"");
    let values = page.split(opening.as_str()).skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

fn chapters() -> impl Iterator<Item = (&'static PathBuf, &'static String)> {
    PAGES.iter().filter(|(path, _)| {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        let numbered = folder
            .to_string_lossy()
            .starts_with(|c: char| c.is_ascii_digit());
        numbered && path.ends_with("index.html")
    })
}

#[test]
fn every_chapter_has_a_page() {
    let shelf = Shelf::open().expect("the chapters can be read");
    assert_eq!(chapters().count(), shelf.chapters.len());
}

#[test]
fn no_directive_is_left() {
    for (path, page) in chapters() {
        for left in ["{{#", ":::", "ANCHOR"] {
            assert!(!page.contains(left), "{}: {left}", path.display());
        }
        let boxes = page.matches("class=\"box ").count();
        assert!(boxes >= 4, "{}: {boxes} boxes", path.display());
    }
}

#[test]
fn links_lead_to_pages_and_places_that_are_there() {
    let mut broken = BTreeSet::new();
    for (path, page) in PAGES.iter() {
        // mdBook's page for printing has all chapters in it, and its 404 page belongs to a site.
        if path.ends_with("404.html") || path.ends_with("print.html") {
            continue;
        }
        for target in attribute(page, "href")
            .into_iter()
            .chain(attribute(page, "src"))
        {
            if !leads_somewhere(path, page, target) {
                broken.insert(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn leads_somewhere(path: &Path, page: &str, target: &str) -> bool {
    let (file, place) = target.split_once('#').unwrap_or((target, ""));
    if target.contains("://") || target.starts_with("data:") {
        return true;
    }
    let folder = path.parent().expect("a page is in a folder");
    let file = match file {
        "" => path.to_owned(),
        file => folder.join(file),
    };
    let Ok(file) = file.canonicalize() else {
        return false;
    };
    let text = match file == path.canonicalize().expect("the page is there") {
        true => Some(page),
        false => PAGES.get(&file).map(String::as_str),
    };
    place.is_empty() || text.is_none_or(|text| attribute(text, "id").contains(&place))
}

/// It has to work from a disk, without a network.
#[test]
fn nothing_is_loaded_from_the_net() {
    for (path, page) in PAGES.iter() {
        let links = page.split("<link ").skip(1);
        let links = links.filter_map(|rest| rest.split('>').next());
        let loaded: Vec<&str> = links
            .flat_map(|link| link.split('"').filter(|value| value.contains("://")))
            .chain(attribute(page, "src"))
            .filter(|target| target.contains("://") || target.starts_with("//"))
            .collect();
        assert!(loaded.is_empty(), "{}: {loaded:?}", path.display());
    }
}

#[test]
fn the_book_can_be_searched_in_both_lights() {
    let (path, page) = chapters().next().expect("there is a chapter");
    let book = path
        .parent()
        .and_then(Path::parent)
        .expect("it is in the book");
    let files: Vec<String> = fs::read_dir(book)
        .expect("a folder can be read")
        .map(|entry| entry.expect("a folder can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let index = files
        .iter()
        .find(|name| name.starts_with("searchindex") && name.ends_with(".js"));
    let index = index.expect("there is a search index that a page on disk can load");
    let index = fs::read_to_string(book.join(index)).expect("it can be read");
    assert!(
        index.contains("waker"),
        "the index knows the words of the book"
    );
    for theme in ["light", "navy"] {
        assert!(page.contains(theme), "{theme} can be chosen");
    }
    assert!(
        files.iter().any(|name| name == "print.html"),
        "a page to print"
    );
}

/// A file that is put beside mdBook's must not have the name of one of them.
#[test]
fn no_script_takes_the_place_of_another() {
    let (path, page) = chapters().next().expect("there is a chapter");
    let scripts = attribute(page, "src");
    let distinct: BTreeSet<&str> = scripts.iter().copied().collect();
    assert_eq!(
        scripts.len(),
        distinct.len(),
        "{}: {scripts:#?}",
        path.display()
    );
    for name in ["/book-", "/highlight-", "/chapters-", "/replay-"] {
        let found = scripts.iter().filter(|script| script.contains(name));
        assert_eq!(found.count(), 1, "{name} in {scripts:#?}");
    }
}

/// A replay leads to the lines that its tasks were spawned in.
#[test]
fn replays_lead_to_the_source() {
    let mut places = 0;
    for (path, page) in chapters() {
        let folder = path.parent().expect("a page is in a folder");
        for file in laneway_book::record::places(page) {
            let source = folder.join(format!("../source/{file}.html"));
            assert!(source.is_file(), "{}: no page of {file}", path.display());
            places += 1;
        }
    }
    assert!(places > 0, "some chapter has a replay");
}

/// A reader's own recording has a page of its own, made without building Laneway.
#[test]
fn a_readers_replay_has_the_player_that_ships() {
    assert_eq!(
        laneway_book::replay::SCRIPT,
        laneway::observe::replay::SCRIPT
    );
    assert_eq!(laneway_book::replay::STYLE, laneway::observe::replay::STYLE);
}
