//! Is every word of the prose a word?
//!
//! A chapter's `words.txt` lists the words that it uses. Its author has made it with the program
//! `spelling` and a dictionary, and entered by hand what the dictionary does not know. The terms of
//! the trade are in `book/words.txt`, for all chapters.

use std::collections::BTreeSet;

use laneway_book::prose;

use crate::{Findings, pieces, shelf};

#[test]
fn every_word_is_in_the_chapters_list() {
    let shelf = shelf();
    let mut findings = Findings::default();
    let terms = shelf.read("book/words.txt").expect("there are terms");
    for chapter in &shelf.chapters {
        let list = shelf.read(&chapter.file("words.txt")).unwrap_or_default();
        let known: BTreeSet<&str> = list.lines().chain(terms.lines()).collect();
        for (line, text) in prose::lines(&pieces(chapter)) {
            for word in prose::words(&text) {
                if !known.contains(word.to_lowercase().as_str()) {
                    findings.add(chapter.mistake(line, format!("`{word}` is not in words.txt")));
                }
            }
        }
    }
    findings.assert_none();
}
