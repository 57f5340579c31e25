//! The part of its budget that a poll has used: see `budget.rs`.

/// How many futures may be ready at once in one poll.
const PER_POLL: u16 = 64;

/// How many futures may be ready at once before one is put off, where polls are not known. More,
/// since code that polls by hand gains nothing when one is put off.
const OUTSIDE: u16 = 1024;

/// The part of a budget that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// In a poll: how many were ready, and from [`PER_POLL`] on, how many were put off.
    InPoll(u16),
    /// On a thread that polls none of our tasks.
    Outside(u16),
}

impl Used {
    /// Nothing, of a poll that begins.
    pub(super) const NOTHING: Used = Used::InPoll(0);
    /// Nothing, of a thread that polls none of our tasks.
    pub(super) const OUTSIDE: Used = Used::Outside(0);

    pub(super) fn is_used_up(self) -> bool {
        match self {
            Used::InPoll(used) => used >= PER_POLL,
            Used::Outside(used) => used >= OUTSIDE,
        }
    }

    /// With one more future that was ready.
    pub(super) fn after_ready(self) -> Used {
        match self {
            _ if self.is_used_up() => self,
            Used::InPoll(used) => Used::InPoll(used + 1),
            Used::Outside(used) => Used::Outside(used + 1),
        }
    }

    /// With one more future that was put off.
    pub(super) fn after_put_off(self) -> Used {
        match self {
            Used::InPoll(used) => Used::InPoll((used + 1) % (2 * PER_POLL)),
            Used::Outside(_) => Used::Outside(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many in a row are ready, how many are put off, and so on.
    fn runs(mut used: Used) -> [u32; 4] {
        let mut lengths = [0; 4];
        for (place, length) in lengths.iter_mut().enumerate() {
            let is_put_off = place % 2 == 1;
            while used.is_used_up() == is_put_off {
                *length += 1;
                used = match is_put_off {
                    true => used.after_put_off(),
                    false => used.after_ready(),
                };
            }
        }
        lengths
    }

    #[test]
    fn in_a_poll_as_many_are_put_off_as_were_ready() {
        assert_eq!(runs(Used::NOTHING), [64, 64, 64, 64]);
    }

    #[test]
    fn outside_of_polls_one_is_put_off_once_in_a_while() {
        assert_eq!(runs(Used::OUTSIDE), [1024, 1, 1024, 1]);
    }
}
