//! Whether Laneway is ahead of a peer, or the difference may be chance.

use std::fmt;

use crate::statistics::Estimate;

/// Where ours stands beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All of the interval speaks for ours.
    Ahead,
    /// The interval holds both.
    Tie,
    /// All of the interval speaks for the other.
    Behind,
}

impl Standing {
    /// By how many times better ours is, in each process.
    pub(crate) fn of_ratios(ratios: &[f64]) -> Standing {
        let Estimate { low, high, .. } = Estimate::of(ratios);
        match () {
            () if low > 1.0 => Standing::Ahead,
            () if high < 1.0 => Standing::Behind,
            () => Standing::Tie,
        }
    }

    /// By figures of different processes, of which the smaller are better.
    pub(crate) fn of_figures(ours: &[f64], theirs: &[f64]) -> Standing {
        let (ours, theirs) = (Estimate::of(ours), Estimate::of(theirs));
        match () {
            () if ours.high < theirs.low => Standing::Ahead,
            () if ours.low > theirs.high => Standing::Behind,
            () => Standing::Tie,
        }
    }

    /// The same seen from the other side.
    pub(crate) fn reversed(self) -> Standing {
        match self {
            Standing::Ahead => Standing::Behind,
            Standing::Tie => Standing::Tie,
            Standing::Behind => Standing::Ahead,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Ahead => "ahead",
            Standing::Tie => "tie",
            Standing::Behind => "behind",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_around_1_is_a_tie() {
        assert_eq!(Standing::of_ratios(&[1.1, 1.2, 1.3]), Standing::Ahead);
        assert_eq!(Standing::of_ratios(&[0.9, 1.2, 1.3]), Standing::Tie);
        assert_eq!(Standing::of_ratios(&[0.7, 0.8, 0.9]), Standing::Behind);
    }

    #[test]
    fn intervals_that_overlap_are_a_tie() {
        let [low, middle, high] = [[1.0, 2.0], [1.5, 2.5], [3.0, 4.0]];
        assert_eq!(Standing::of_figures(&low, &high), Standing::Ahead);
        assert_eq!(Standing::of_figures(&low, &middle), Standing::Tie);
        assert_eq!(Standing::of_figures(&high, &low), Standing::Behind);
        assert_eq!(
            Standing::of_figures(&high, &low).reversed(),
            Standing::Ahead
        );
    }
}
