//! The outlook of a worker: whether its work comes from the reactor.
//!
//! A worker whose work comes from sockets looks around for other work only once before it waits for
//! them again (T27). This file owns the memory by which a worker knows that. It never looks into
//! the reactor itself. Read `nearby.rs` next.

/// After this many rests in a row without news from the reactor, a worker expects its work from
/// other workers again.
const RESTS_IN_VAIN: u8 = 8;

/// A worker's memory of its last rests: how many more may end without news from the reactor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outlook(u8);

impl Outlook {
    /// Notes the end of a rest, and whether something was ready in the reactor. A nap is not noted,
    /// and a look without a rest only where something was.
    pub(crate) fn looked(&mut self, was_ready: bool) {
        self.0 = match was_ready {
            true => RESTS_IN_VAIN,
            false => self.0.saturating_sub(1),
        };
    }

    /// Whether the worker expects its work from the reactor.
    pub(crate) fn is_good(self) -> bool {
        self.0 > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_of_news_is_worth_eight_rests_in_vain() {
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
