//! Counts that stop at a bound.

use std::fmt;
use std::iter::Sum;

/// A count, and whether there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Exactly(u64),
    AtLeast(u64),
}

impl Counted {
    /// A number that was counted up to a bound.
    pub(super) fn up_to(count: u64, bound: u64) -> Counted {
        match count < bound {
            true => Counted::Exactly(count),
            false => Counted::AtLeast(count),
        }
    }

    pub(super) fn number(self) -> u64 {
        match self {
            Counted::Exactly(count) | Counted::AtLeast(count) => count,
        }
    }
}

impl Sum for Counted {
    fn sum<I: Iterator<Item = Counted>>(counts: I) -> Counted {
        counts.fold(Counted::Exactly(0), |all, one| {
            let sum = all.number() + one.number();
            match (all, one) {
                (Counted::Exactly(_), Counted::Exactly(_)) => Counted::Exactly(sum),
                _ => Counted::AtLeast(sum),
            }
        })
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = grouped(self.number());
        match self {
            Counted::Exactly(_) => f.write_str(&number),
            Counted::AtLeast(_) => write!(f, "{number}+"),
        }
    }
}

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_bounded_counts_is_bounded() {
        let counts = [Counted::up_to(7, 10_000), Counted::up_to(10_000, 10_000)];
        assert_eq!(counts[0].to_string(), "7");
        assert_eq!(counts[1].to_string(), "10,000+");
        assert_eq!(counts.into_iter().sum::<Counted>().to_string(), "10,007+");
        assert_eq!(Counted::Exactly(1_234_567).to_string(), "1,234,567");
    }
}
