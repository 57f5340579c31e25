//! Which instants of a schedule are fired, and which one comes next: a decision without effects.

use std::iter::successors;
use std::time::{Duration, SystemTime};

use crate::schedule::{MISSED_LIMIT, Missed, Schedule};
use crate::store::ScheduleView;

/// An instant counts as missed when it is fired later than this.
const LATE: Duration = Duration::from_secs(60);
/// Instants are whole seconds, so that at most one lies within one: a span ends in this, or above.
const SECOND: Duration = Duration::from_secs(1);
/// The most instants that are fired in one transaction; the next ones follow at once.
pub(super) const AT_ONCE: usize = 100;
const MOMENT: Duration = Duration::from_micros(1);

/// The effect of a firing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DueInstants {
    /// The instants that get a job, the earliest first.
    pub(super) fired: Vec<SystemTime>,
    /// The one that comes after the last of them, or after the last that is due.
    pub(super) next: Option<SystemTime>,
}

impl DueInstants {
    /// The instants that are due at `now` of a schedule whose next instant is `at`.
    pub(super) fn of(
        schedule: &Schedule,
        view: &ScheduleView,
        at: SystemTime,
        now: SystemTime,
    ) -> DueInstants {
        let before = at - MOMENT;
        let from = view
            .resumed_at
            .map_or(before, |resumed| before.max(resumed));
        let mut fired = last_instants(schedule, from, now, wanted(schedule.missed));
        let is_missed = |at: &SystemTime| now.duration_since(*at).is_ok_and(|late| late > LATE);
        if schedule.missed == Missed::Skip {
            fired.retain(|at| !is_missed(at));
        }
        if let Some(next) = fired.get(AT_ONCE).copied() {
            fired.truncate(AT_ONCE);
            return DueInstants {
                fired,
                next: Some(next),
            };
        }
        let last = last_instants(schedule, before, now, 1).pop();
        DueInstants {
            fired,
            next: schedule.next_after(last.unwrap_or(at)),
        }
    }
}

fn wanted(missed: Missed) -> usize {
    match missed {
        Missed::Skip | Missed::Once => 1,
        Missed::All(most) => most.clamp(1, MISSED_LIMIT) as usize,
    }
}

/// The last `most` instants after `from` and until `until`, in their order. There may have been any
/// number since a worker was there last: a span before `until` is doubled as long as too few lie in
/// it, and halved where that takes in far too many.
fn last_instants(
    schedule: &Schedule,
    from: SystemTime,
    until: SystemTime,
    most: usize,
) -> Vec<SystemTime> {
    let (mut few, mut many) = (Duration::ZERO, None);
    loop {
        let span = match many {
            None => (2 * few).max(SECOND),
            Some(many) => few + (many - few) / 2,
        };
        let begin = until
            .checked_sub(span)
            .map_or(from, |begin| begin.max(from));
        let found = instants(schedule, begin, until, 2 * most);
        match found.len() {
            found if found > 2 * most => many = Some(span),
            found if found < most && begin > from => few = span,
            len => return found[len.saturating_sub(most)..].to_vec(),
        }
    }
}

/// The instants after `from` and until `until`, or one more than `most` of them.
fn instants(
    schedule: &Schedule,
    from: SystemTime,
    until: SystemTime,
    most: usize,
) -> Vec<SystemTime> {
    let comes_after = |moment| schedule.next_after(moment).filter(|&next| next <= until);
    let following = successors(comes_after(from), |last| comes_after(*last));
    following.take(most + 1).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::UNIX_EPOCH;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Job;
    use crate::schedule::IfUnfinished;
    use crate::store::ScheduleState;

    #[derive(Serialize, Deserialize)]
    struct Nothing;

    impl Job for Nothing {
        const KIND: &'static str = "nothing";
    }

    const HOUR: Duration = Duration::from_secs(3600);
    /// Far from the beginning of the calendar.
    const START: Duration = Duration::from_secs(490_000 * 3600);

    fn moment(after: Duration) -> SystemTime {
        UNIX_EPOCH + START + after
    }

    fn view(next: SystemTime) -> ScheduleView {
        ScheduleView {
            name: "hourly".to_owned(),
            pattern: String::new(),
            zone: String::new(),
            kind: String::new(),
            state: ScheduleState::Active,
            next: Some(next),
            resumed_at: None,
            served_at: UNIX_EPOCH,
            fires: Vec::new(),
        }
    }

    /// The instants that are fired of an hourly schedule that is due since the start, and the next,
    /// counted in hours.
    fn due(missed: Missed, resumed: Option<Duration>, now: Duration) -> (Vec<u64>, Option<u64>) {
        let schedule = Schedule::every("hourly", HOUR)
            .missed(missed)
            .if_unfinished(IfUnfinished::Allow)
            .job(|_| Nothing)
            .expect("it is a schedule");
        let view = ScheduleView {
            resumed_at: resumed.map(moment),
            ..view(moment(Duration::ZERO))
        };
        let due = DueInstants::of(&schedule, &view, moment(Duration::ZERO), moment(now));
        let hours = |at: SystemTime| {
            let since = at.duration_since(moment(Duration::ZERO));
            since.expect("nothing before the start is fired").as_secs() / HOUR.as_secs()
        };
        (
            due.fired.into_iter().map(hours).collect(),
            due.next.map(hours),
        )
    }

    #[test]
    fn an_instant_on_time_is_fired_by_every_rule() {
        for missed in [Missed::Skip, Missed::Once, Missed::All(3)] {
            assert_eq!(due(missed, None, Duration::ZERO), (vec![0], Some(1)));
            assert_eq!(due(missed, None, LATE), (vec![0], Some(1)));
        }
    }

    #[test]
    fn each_rule_has_its_own_way_with_missed_instants() {
        let late = 5 * HOUR + 2 * LATE;
        assert_eq!(due(Missed::Skip, None, late), (vec![], Some(6)));
        assert_eq!(due(Missed::Skip, None, 5 * HOUR + LATE), (vec![5], Some(6)));
        assert_eq!(due(Missed::Once, None, late), (vec![5], Some(6)));
        assert_eq!(due(Missed::All(3), None, late), (vec![3, 4, 5], Some(6)));
        assert_eq!(due(Missed::All(0), None, late), (vec![5], Some(6)));
        let all = due(Missed::All(100), None, late);
        assert_eq!(all, ((0..6).collect(), Some(6)));
    }

    #[test]
    fn what_a_pause_has_covered_is_not_fired() {
        let resumed = Some(3 * HOUR);
        assert_eq!(
            due(Missed::All(9), resumed, 3 * HOUR + LATE),
            (vec![], Some(4))
        );
        assert_eq!(
            due(Missed::All(9), resumed, 5 * HOUR),
            (vec![4, 5], Some(6))
        );
    }

    #[test]
    fn a_century_of_missed_instants_takes_no_walk_through_it() {
        let century = 876_600 * HOUR;
        assert_eq!(
            due(Missed::Once, None, century),
            (vec![876_600], Some(876_601))
        );
        assert_eq!(due(Missed::All(2), None, century).0, [876_599, 876_600]);
    }

    fn every(period: Duration) -> Schedule {
        let schedule = Schedule::every("often", period)
            .missed(Missed::All(u32::MAX))
            .if_unfinished(IfUnfinished::Allow);
        schedule.job(|_| Nothing).expect("it is a schedule")
    }

    /// A schedule whose instants lie close together, and then far apart.
    fn each_minute_of_new_year() -> Schedule {
        const DAY: u64 = 86_400;
        let mut schedule = every(HOUR);
        schedule.instants.next_after = Arc::new(|moment| {
            let seconds = moment.duration_since(UNIX_EPOCH).unwrap().as_secs();
            let (year, within) = (seconds / (365 * DAY), seconds % (365 * DAY));
            let minute = (within / 60 + 1) * 60;
            let next = match minute < DAY {
                true => year * 365 * DAY + minute,
                false => (year + 1) * 365 * DAY,
            };
            Some(UNIX_EPOCH + Duration::from_secs(next))
        });
        schedule
    }

    #[test]
    fn many_missed_instants_are_fired_in_parts_that_lose_none_and_double_none() {
        let (minute, day) = (Duration::from_secs(60), 24 * HOUR);
        let rules = [every(minute), every(day), each_minute_of_new_year()];
        for schedule in rules {
            let now = moment(876_600 * HOUR);
            let mut at = schedule.next_after(moment(Duration::ZERO));
            let (mut fired, mut parts) = (Vec::new(), 0);
            while let Some(next) = at.filter(|at| *at <= now) {
                let due = DueInstants::of(&schedule, &view(next), next, now);
                assert!(due.fired.len() <= AT_ONCE, "one transaction is bounded");
                assert!(!due.fired.is_empty(), "each part brings it further");
                fired.extend(due.fired);
                (at, parts) = (due.next, parts + 1);
            }
            let following = |two: &[SystemTime]| schedule.next_after(two[0]) == Some(two[1]);
            assert!(fired.windows(2).all(following), "none is left out");
            assert_eq!(fired.len(), MISSED_LIMIT as usize);
            assert_eq!(parts, (MISSED_LIMIT as usize).div_ceil(AT_ONCE));
            assert_eq!(at, schedule.next_after(now));
        }
    }

    /// A look back is no further than the instants that are looked for.
    #[test]
    fn a_thousand_instants_are_found_by_few_looks() {
        let looks = Arc::new(AtomicUsize::new(0));
        let mut schedule = every(HOUR);
        let (next_after, count) = (schedule.instants.next_after.clone(), looks.clone());
        schedule.instants.next_after = Arc::new(move |moment| {
            count.fetch_add(1, Relaxed);
            next_after(moment)
        });
        let at = moment(Duration::ZERO);
        DueInstants::of(&schedule, &view(at), at, moment(876_600 * HOUR));
        let looks = looks.load(Relaxed);
        assert!(looks < 4 * MISSED_LIMIT as usize, "{looks} looks");
    }
}
