//! The server's first words in HTTP/2, kept until they can be said together with what follows.
//!
//! hyper sends its settings before it reads anything, and then, once it has read the client's, the
//! acknowledgement of those. Where the client's settings have come already, as nearly all send them
//! with their first bytes, both go out by one write.

use std::io::IoSlice;

use bytes::BytesMut;

use crate::gate::PREFACE;

/// The most bytes that are kept. hyper's settings take 45 and an acknowledgement nine.
const MOST: usize = 1024;

#[derive(Debug)]
pub(crate) struct Greeting {
    stage: Stage,
    words: BytesMut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// hyper asks for the first words to be sent, and reads the client's first frames then.
    Kept,
    /// hyper has read them: its words go out as soon as it asks again.
    Due,
    /// Words go out as they come.
    Over,
}

impl Greeting {
    /// For a client that has sent these bytes so far. After the preface hyper reads until there is
    /// nothing more to read, and sends what is left unsent then; before, it waits without that.
    pub(crate) fn to(first: &[u8]) -> Greeting {
        let stage = match first.len() > PREFACE.len() {
            true => Stage::Kept,
            false => Stage::Over,
        };
        let words = BytesMut::new();
        Greeting { stage, words }
    }

    /// For other protocols.
    pub(crate) fn none() -> Greeting {
        Greeting::to(&[])
    }

    /// Keeps words, if they belong here: the number of their bytes.
    pub(crate) fn keep(&mut self, slices: &[IoSlice<'_>]) -> Option<usize> {
        let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.stage == Stage::Over || self.words.len() + bytes > MOST {
            return None;
        }
        slices
            .iter()
            .for_each(|slice| self.words.extend_from_slice(slice));
        Some(bytes)
    }

    /// Whether hyper's wish to send everything is put off, which happens once.
    pub(crate) fn puts_off(&mut self) -> bool {
        let is_kept = self.stage == Stage::Kept;
        if is_kept {
            self.stage = Stage::Due;
        }
        is_kept
    }

    /// The words that are to go out now. Nothing is kept any more.
    pub(crate) fn words(&mut self) -> &mut BytesMut {
        self.stage = Stage::Over;
        &mut self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_a_client_with_settings() -> Greeting {
        Greeting::to(&[PREFACE, b"\0"].concat())
    }

    #[test]
    fn the_first_words_wait_for_the_second_and_no_longer() {
        let mut greeting = to_a_client_with_settings();
        let [settings, ack, answer] = [b"set", b"ack", b"ans"].map(|words| IoSlice::new(words));
        assert_eq!(greeting.keep(&[settings]), Some(3));
        assert!(greeting.puts_off());
        assert_eq!(greeting.keep(&[ack]), Some(3));
        assert!(!greeting.puts_off());
        assert_eq!(&greeting.words()[..], b"setack");
        assert_eq!(greeting.keep(&[answer]), None);
        assert!(!greeting.puts_off());
    }

    #[test]
    fn nothing_waits_for_a_client_that_has_said_nothing_after_its_preface() {
        for first in [&b""[..], &PREFACE[..10], PREFACE] {
            let mut greeting = Greeting::to(first);
            assert!(!greeting.puts_off(), "{first:?}");
            assert_eq!(greeting.keep(&[IoSlice::new(b"set")]), None, "{first:?}");
        }
    }

    #[test]
    fn long_words_are_not_kept() {
        let mut greeting = to_a_client_with_settings();
        assert_eq!(greeting.keep(&[IoSlice::new(&[0; MOST])]), Some(MOST));
        assert_eq!(greeting.keep(&[IoSlice::new(b"more")]), None);
        assert_eq!(greeting.words().len(), MOST);
    }
}
