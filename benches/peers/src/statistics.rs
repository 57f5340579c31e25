//! Medians, and the intervals that hold them.

/// A median and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    /// The same of values that may not have been measured.
    pub(crate) fn of_some(values: &[f64]) -> Option<Estimate> {
        (!values.is_empty()).then(|| Estimate::of(values))
    }

    /// The interval is made of two order statistics, the innermost pair that holds the true
    /// median with a probability of at least 93%. Of five values that is the smallest and the
    /// largest: they miss it if all five lie on one side, by chance one time in sixteen.
    pub(crate) fn of(values: &[f64]) -> Estimate {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let cut = cut_off(sorted.len());
        Estimate {
            median: median(&sorted),
            low: sorted[cut],
            high: sorted[sorted.len() - 1 - cut],
        }
    }
}

/// With what probability the interval around so many values holds the true median, in percent.
pub(crate) fn confidence(count: usize) -> f64 {
    let mut exactly = 0.5_f64.powi(i32::try_from(count).expect("few values"));
    let mut missed = 2.0 * exactly;
    for below in 0..cut_off(count) {
        exactly *= (count - below) as f64 / (below + 1) as f64;
        missed += 2.0 * exactly;
    }
    100.0 * (1.0 - missed)
}

/// How many values on either side may be left out of the interval: as many as go while the
/// chance that the median lies beyond them stays under 7%.
fn cut_off(count: usize) -> usize {
    // The probability that exactly `below` of the values lie below the true median.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).expect("few values"));
    let mut missed = 2.0 * exactly;
    let mut below = 0;
    while below < count / 2 {
        exactly *= (count - below) as f64 / (below + 1) as f64;
        missed += 2.0 * exactly;
        if missed > 0.07 {
            break;
        }
        below += 1;
    }
    below
}

/// The middle value, or the mean of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_five_values_is_all_of_them() {
        let estimate = Estimate::of(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (1.0, 3.0, 5.0)
        );
    }

    #[test]
    fn the_interval_of_many_values_leaves_the_outer_ones_out() {
        // Of 9 values, the second and the eighth miss the median in 2 * 10 of 512 cases; the third
        // and the seventh in 2 * 46 of them, which is too often.
        let values: Vec<f64> = (1..=9).map(f64::from).collect();
        let estimate = Estimate::of(&values);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (2.0, 5.0, 8.0)
        );
    }

    #[test]
    fn the_confidence_is_that_of_the_interval() {
        assert_eq!(confidence(3), 75.0);
        assert_eq!(confidence(5), 93.75);
        assert_eq!(confidence(9), 100.0 * (1.0 - 20.0 / 512.0));
    }

    #[test]
    fn one_value_is_its_own_interval() {
        let estimate = Estimate::of(&[7.0]);
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (7.0, 7.0, 7.0)
        );
    }

    #[test]
    fn the_median_of_an_even_number_of_values_is_between_them() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
