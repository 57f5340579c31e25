//! Collects the words of each chapter into its `words.txt`, those that are known to be words:
//! `cargo run -p laneway-book --bin spelling -- /usr/share/dict/british-english`.
//!
//! The list of a chapter keeps what it has and still needs, and gets what the dictionary knows.
//! What neither knows is printed: mend it, or enter it by hand, into `book/words.txt` if it is a
//! term of the trade, and otherwise into the chapter's list.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::{env, fs};

use laneway_book::prose;
use laneway_book::shelf::Shelf;

fn main() -> ExitCode {
    output::may_end("spelling");
    let Some(dictionary) = env::args().nth(1) else {
        eprintln!("give it a list of words, one a line: Debian's package wbritish has one");
        return ExitCode::from(2);
    };
    let dictionary = match fs::read_to_string(&dictionary) {
        Ok(words) => words,
        Err(error) => {
            eprintln!("spelling: {dictionary} cannot be read: {error}");
            return ExitCode::from(2);
        }
    };
    let dictionary: BTreeSet<String> = dictionary.lines().map(str::to_lowercase).collect();
    let shelf = Shelf::open().expect("there are chapters");
    let terms = shelf.read("book/words.txt").expect("there are terms");
    let terms: BTreeSet<&str> = terms.lines().collect();
    let mut complete = true;
    for chapter in &shelf.chapters {
        let pieces = chapter
            .pieces()
            .unwrap_or_else(|mistake| panic!("{mistake}"));
        let kept = shelf.read(&chapter.file("words.txt")).unwrap_or_default();
        let kept: BTreeSet<&str> = kept.lines().collect();
        let (mut list, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for (line, text) in prose::lines(&pieces) {
            for word in prose::words(&text).map(str::to_lowercase) {
                if terms.contains(word.as_str()) {
                    continue;
                }
                if kept.contains(word.as_str()) || dictionary.contains(&word) {
                    list.insert(word);
                } else if unknown.insert(word.clone()) {
                    println!("{}", chapter.mistake(line, format!("`{word}`")));
                    complete = false;
                }
            }
        }
        let text: String = list.iter().flat_map(|word| [word.as_str(), "\n"]).collect();
        let file = shelf.path(&chapter.file("words.txt"));
        fs::write(file, text).expect("the list can be written");
    }
    match complete {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
