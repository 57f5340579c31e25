//! The place of a reader in each track of a recorder.

/// How far a reader has come in what a recorder keeps. For one recorder alone;
/// [`Recorder::read_on`](super::Recorder::read_on) has an example.
#[derive(Clone, Debug, Default)]
pub struct Bookmark {
    tracks: Vec<TrackMark>,
}

/// How far a reader has come in one track.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackMark {
    /// The number of the event to read next.
    pub(super) event: u64,
    /// The numbers of the names that were new at the last two readings. Those of the last are read
    /// once more, since a task's name may be there before its events are read.
    names: [u64; 2],
}

impl TrackMark {
    /// The number of the name to read first, where `given` were given so far.
    pub(super) fn first_name(&mut self, given: u64) -> u64 {
        let [first, second] = self.names;
        self.names = [second, given];
        first
    }
}

impl Bookmark {
    /// A bookmark at the oldest event that is kept.
    #[must_use]
    pub fn new() -> Bookmark {
        Bookmark::default()
    }

    pub(super) fn track_mark(&mut self, track: usize) -> &mut TrackMark {
        if self.tracks.len() <= track {
            self.tracks.resize(track + 1, TrackMark::default());
        }
        &mut self.tracks[track]
    }
}
