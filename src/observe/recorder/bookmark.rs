//! How far a reader has come in each track of a recorder.

/// How far a reader has come in what a recorder keeps. For one recorder alone;
/// [`Recorder::read_on`](super::Recorder::read_on) has an example.
#[derive(Clone, Debug, Default)]
pub struct Bookmark {
    /// For each track, the number of the event to read next.
    places: Vec<u64>,
}

impl Bookmark {
    /// A bookmark at the oldest event that is kept.
    #[must_use]
    pub fn new() -> Bookmark {
        Bookmark::default()
    }

    pub(super) fn place(&mut self, track: usize) -> &mut u64 {
        if self.places.len() <= track {
            self.places.resize(track + 1, 0);
        }
        &mut self.places[track]
    }
}
