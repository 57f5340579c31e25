//! The claims of a queue that its rate counts.

use std::time::Duration;

use super::rate::Rate;
use crate::micros::{Micros, duration_of, length};

/// The slots of a period. Claims of one slot are counted together.
const SLOTS: Micros = 32;

/// The claims of a queue in the last period, as its row keeps them: each slot by its end, with the
/// number of jobs.
///
/// A slot counts until a period after its end. So no more than the rate are claimed in any period,
/// and what was claimed counts a thirty-second of the period too long at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Begun(Vec<(Micros, u64)>);

impl Begun {
    /// What does not read as a slot is left out.
    pub(crate) fn read(text: &str) -> Begun {
        let slots = text.split(',').filter_map(|slot| {
            let (end, count) = slot.split_once(':')?;
            Some((end.parse().ok()?, count.parse().ok()?))
        });
        Begun(slots.collect())
    }

    pub(crate) fn text(&self) -> String {
        let slots = self.0.iter().map(|(end, count)| format!("{end}:{count}"));
        slots.collect::<Vec<_>>().join(",")
    }

    /// The slots that count at T. One that ends more than a period later is of a clock that was far
    /// ahead.
    fn counting(&self, rate: Rate, t: Micros) -> impl Iterator<Item = (Micros, u64)> {
        let period = length(rate.period());
        let counts = move |end: Micros| (t - period..=t + period).contains(&end);
        self.0.iter().copied().filter(move |slot| counts(slot.0))
    }

    /// How many jobs may be claimed at T.
    pub(crate) fn free(&self, rate: Rate, t: Micros) -> usize {
        let counted: u64 = self.counting(rate, t).map(|(_, count)| count).sum();
        u64::from(rate.jobs()).saturating_sub(counted) as usize
    }

    /// The time until more may be claimed.
    pub(crate) fn wait(&self, rate: Rate, t: Micros) -> Duration {
        let first = self.counting(rate, t).map(|(end, _)| end).min();
        let at = first.map_or(t, |end| end + length(rate.period()) + 1);
        duration_of((at - t).max(0))
    }

    /// Counts a claim at T, and forgets what counts no more.
    pub(crate) fn add(&mut self, rate: Rate, t: Micros, jobs: usize) {
        let slot = (length(rate.period()) / SLOTS).max(1);
        let end = (t / slot + 1) * slot;
        self.0 = self.counting(rate, t).collect();
        match self.0.iter_mut().find(|(at, _)| *at == end) {
            Some((_, count)) => *count += jobs as u64,
            None => self.0.push((end, jobs as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    /// Claims by a worker that takes all that it may, at random times.
    fn claims(rate: Rate) -> Vec<(Micros, usize)> {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut begun, mut t, mut claims) = (Begun::default(), 5 * SECOND, Vec::new());
        for _ in 0..2_000 {
            t += random.i64(0..SECOND / 20);
            let jobs = begun.free(rate, t).min(random.usize(1..9));
            if jobs > 0 {
                begun.add(rate, t, jobs);
                begun = Begun::read(&begun.text());
                claims.push((t, jobs));
            }
        }
        claims
    }

    #[test]
    fn no_period_has_more_jobs_than_the_rate_and_most_have_nearly_as_many() {
        let rate = Rate::new(20, Duration::from_secs(1));
        let claims = claims(rate);
        for (from, _) in &claims {
            let within = |at: &Micros| (*from..from + SECOND).contains(at);
            let jobs: usize = claims
                .iter()
                .filter(|(at, _)| within(at))
                .map(|(_, jobs)| jobs)
                .sum();
            assert!(jobs <= 20, "{jobs} from {from} on");
        }
        let (first, last) = (claims[0].0, claims[claims.len() - 1].0);
        let all: usize = claims.iter().map(|(_, jobs)| jobs).sum();
        let whole = 20 * (last - first) / SECOND;
        assert!(all as Micros >= whole * 9 / 10, "{all} of {whole}");
    }

    #[test]
    fn a_wait_ends_when_a_job_may_be_claimed_and_no_earlier() {
        let rate = Rate::new(3, Duration::from_secs(60));
        let mut begun = Begun::default();
        begun.add(rate, SECOND, 3);
        assert_eq!(begun.free(rate, SECOND), 0);
        let wait = length(begun.wait(rate, SECOND));
        assert_eq!(begun.free(rate, SECOND + wait - 1), 0);
        assert_eq!(begun.free(rate, SECOND + wait), 3);
    }

    #[test]
    fn slots_are_bounded_and_those_of_a_clock_far_ahead_do_not_count() {
        let rate = Rate::new(1_000_000, Duration::from_secs(1));
        let mut begun = Begun::default();
        for t in (0..10 * SECOND).step_by(1_000) {
            begun.add(rate, t, 1);
        }
        assert!(begun.0.len() <= 34, "{}", begun.0.len());
        assert_eq!(begun.free(rate, 0), 1_000_000);
    }

    #[test]
    fn a_text_that_is_none_counts_nothing() {
        assert_eq!(Begun::read(""), Begun::default());
        assert_eq!(Begun::read("x:1,2:y,3:4"), Begun(vec![(3, 4)]));
    }
}
