//! Whether a worker's work comes from outside.
//!
//! A worker whose work comes from sockets is soon back to them: it searches for a moment only where
//! other work would have to come from other workers (T27). Read `nearby.rs` next.

/// How many looks in a row that bring no news it takes until a worker expects its work from other
/// workers again.
const LOOKS_IN_VAIN: u8 = 8;

/// A worker's memory of its last looks outside: how many more may be in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outlook(u8);

impl Outlook {
    /// Notes a look outside, and whether anything was ready there.
    pub(crate) fn looked(&mut self, was_ready: bool) {
        self.0 = match was_ready {
            true => LOOKS_IN_VAIN,
            false => self.0.saturating_sub(1),
        };
    }

    /// Whether the worker expects its work from outside.
    pub(crate) fn is_good(self) -> bool {
        self.0 > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_of_news_is_worth_eight_looks_in_vain() {
        let mut outlook = Outlook::default();
        assert!(!outlook.is_good());
        outlook.looked(true);
        for _ in 0..7 {
            outlook.looked(false);
            assert!(outlook.is_good());
        }
        outlook.looked(false);
        assert!(!outlook.is_good());
        outlook.looked(false);
        assert!(!outlook.is_good());
    }
}
