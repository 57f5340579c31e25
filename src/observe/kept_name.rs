//! The part that observers keep of a task's name, which may be of any length.

/// The length of the part that is kept, in characters.
const LENGTH: usize = 120;

/// A name as it is kept: its beginning, if it is long.
pub(super) fn kept_name(name: &str) -> Box<str> {
    match name.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}
