//! Durations counted in buckets that grow with them: a little memory, any quantile, no lock.
//!
//! The layout is that of HdrHistogram (<http://hdrhistogram.org>): every power of two is divided
//! into 32 buckets of equal width, so that what is read back is at most 1/32 too large, be it a
//! microsecond or an hour.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many buckets a power of two has, as a power of two.
const PRECISION: u32 = 5;
const BUCKETS_PER_POWER: usize = 1 << PRECISION;

/// Times beyond 2^42 ns, which is 73 minutes, are counted in the last bucket.
const POWERS: usize = 42;
const BUCKETS: usize = (POWERS - PRECISION as usize + 1) * BUCKETS_PER_POWER;

/// How long something took, over and over again. Made by
/// [`Monitor::queues`](super::Monitor::queues).
///
/// Its values are nanoseconds. A [quantile](Histogram::quantile) is at most 1/32 larger than the
/// exact one, up to 73 minutes; [`count`](Histogram::count), [`sum`](Histogram::sum) and
/// [`max`](Histogram::max) are exact.
///
/// ```
/// use laneway::observe::Histogram;
/// use std::time::Duration;
///
/// let histogram: Histogram = (1..=1_000).map(Duration::from_micros).collect();
/// assert_eq!(histogram.count(), 1_000);
/// assert_eq!(histogram.max(), Duration::from_millis(1));
/// let p50 = histogram.quantile(0.5).as_nanos();
/// assert!((500_000..=515_625).contains(&p50), "{p50}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64]>,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest. Zero if there is none.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The duration that this part of all durations does not exceed: 0.5 is the median, 0.99 what
    /// one in a hundred takes longer than. Zero if there is none.
    ///
    /// A number below 0 counts as 0, the shortest of all, and one above 1 as 1, the
    /// longest.
    ///
    /// ```
    /// use laneway::observe::Histogram;
    /// use std::time::Duration;
    ///
    /// let histogram = Histogram::from_iter([Duration::from_micros(8); 99]);
    /// assert!(histogram.quantile(0.999) <= histogram.max());
    /// assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn quantile(&self, part: f64) -> Duration {
        let count = self.count();
        let rank = ((part * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut below = 0;
        let bucket = self.counts.iter().position(|&in_bucket| {
            below += in_bucket;
            below >= rank
        });
        bucket.map_or(Duration::ZERO, |bucket| longest_in(bucket).min(self.max))
    }

    /// The median: `quantile(0.5)`.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.quantile(0.5)
    }

    /// `quantile(0.9)`.
    #[must_use]
    pub fn p90(&self) -> Duration {
        self.quantile(0.9)
    }

    /// `quantile(0.99)`.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    /// `quantile(0.999)`.
    #[must_use]
    pub fn p999(&self) -> Duration {
        self.quantile(0.999)
    }

    /// How many durations are at most `limit`, which is exact for a power of two in nanoseconds,
    /// and otherwise leaves out those in the bucket that the limit divides.
    pub(super) fn count_up_to(&self, limit: Duration) -> u64 {
        let within = |bucket: &usize| longest_in(*bucket) <= limit;
        let buckets = (0..BUCKETS).take_while(within);
        buckets.map(|bucket| self.counts[bucket]).sum()
    }

    fn add(&mut self, duration: Duration) {
        self.counts[bucket_of(nanos(duration))] += 1;
        self.sum = self.sum.saturating_add(duration);
        self.max = self.max.max(duration);
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            counts: [0; BUCKETS].into(),
            sum: Duration::ZERO,
            max: Duration::ZERO,
        }
    }
}

impl FromIterator<Duration> for Histogram {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Histogram {
        let mut histogram = Histogram::default();
        durations
            .into_iter()
            .for_each(|duration| histogram.add(duration));
        histogram
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("p50", &self.p50())
            .field("p90", &self.p90())
            .field("p99", &self.p99())
            .field("p999", &self.p999())
            .field("max", &self.max)
            .finish()
    }
}

/// A histogram that many threads count in at once.
#[derive(Debug)]
pub(super) struct Counting {
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    max: AtomicU64,
}

impl Default for Counting {
    fn default() -> Counting {
        Counting {
            counts: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }
}

impl Counting {
    pub(super) fn add(&self, duration: Duration) {
        // Relaxed: numbers that nothing else hangs on.
        let nanos = nanos(duration);
        self.counts[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(nanos, Ordering::Relaxed);
        if nanos > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// Adds what was counted so far to another.
    pub(super) fn add_to(&self, histogram: &mut Histogram) {
        for (count, own) in histogram.counts.iter_mut().zip(&self.counts) {
            *count += own.load(Ordering::Relaxed);
        }
        histogram.sum += Duration::from_nanos(self.sum.load(Ordering::Relaxed));
        let max = Duration::from_nanos(self.max.load(Ordering::Relaxed));
        histogram.max = histogram.max.max(max);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The bucket that a number belongs into. Each power of two is the last number of its bucket.
fn bucket_of(nanos: u64) -> usize {
    let number = nanos.saturating_sub(1).min((1 << POWERS) - 1);
    match number.checked_ilog2() {
        Some(power) if power >= PRECISION => {
            let powers_before = (power - PRECISION + 1) as usize;
            let step = (number >> (power - PRECISION)) as usize % BUCKETS_PER_POWER;
            powers_before * BUCKETS_PER_POWER + step
        }
        // So few that each has a bucket of its own.
        _ => number as usize,
    }
}

/// The largest number of a bucket.
fn longest_in(bucket: usize) -> Duration {
    let next = bucket + 1;
    let nanos = match next / BUCKETS_PER_POWER {
        0 => next,
        power => (BUCKETS_PER_POWER + next % BUCKETS_PER_POWER) << (power - 1),
    };
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_the_bucket_that_ends_at_or_after_it() {
        let mut numbers: Vec<u64> = (0..5_000).collect();
        numbers.extend((12..=42).flat_map(|power| {
            let power = 1_u64 << power;
            [power - 1, power, power + 1, power + power / 3]
        }));
        for number in numbers.into_iter().filter(|&number| number <= 1 << 42) {
            let bucket = bucket_of(number);
            let longest = longest_in(bucket).as_nanos() as u64;
            assert!(longest >= number, "{number}: {longest}");
            assert!(
                longest <= number.max(1) + number / 32,
                "{number}: {longest}"
            );
            let before = bucket.checked_sub(1).map(longest_in);
            assert!(
                before < Some(Duration::from_nanos(number.max(1))),
                "{number}"
            );
        }
    }

    #[test]
    fn the_buckets_end_where_the_powers_do() {
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(longest_in(BUCKETS - 1), Duration::from_nanos(1 << POWERS));
        let durations = [1_023, 1_024, 1_025].map(Duration::from_nanos);
        let histogram = Histogram::from_iter(durations);
        assert_eq!(histogram.count_up_to(Duration::from_nanos(1_024)), 2);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_numbers() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut sorted: Vec<u64> = (0..10_000).map(|_| 1 << rng.u32(0..40)).collect();
        let histogram: Histogram = sorted.iter().copied().map(Duration::from_nanos).collect();
        sorted.sort_unstable();
        for part in [0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((part * 10_000.0_f64).ceil() as usize).max(1);
            // Powers of two are read back as they are.
            let exact = Duration::from_nanos(sorted[rank - 1]);
            assert_eq!(histogram.quantile(part), exact, "{part}");
        }
    }

    #[test]
    fn what_is_too_long_is_counted_and_its_length_is_known() {
        let day = Duration::from_secs(86_400);
        let histogram = Histogram::from_iter([day, Duration::MAX]);
        assert_eq!((histogram.count(), histogram.max()), (2, Duration::MAX));
        let counting = Counting::default();
        counting.add(day);
        let mut read = Histogram::default();
        counting.add_to(&mut read);
        assert_eq!((read.count(), read.max(), read.sum()), (1, day, day));
    }
}
