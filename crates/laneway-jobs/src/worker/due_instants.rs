//! Which instants of a schedule are fired, and which one comes next: a decision without effects.

use std::time::{Duration, SystemTime};

use crate::schedule::{MISSED_LIMIT, Missed, Schedule};
use crate::store::ScheduleView;

/// An instant counts as missed when it is fired later than this.
const LATE: Duration = Duration::from_secs(60);
/// Instants are whole seconds, so that at most one lies within one.
const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_micros(1);

/// The effect of a firing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DueInstants {
    /// The instants that get a job, the earliest first.
    pub(super) fired: Vec<SystemTime>,
    /// The one that comes after the last that is due.
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
        let last = last_until(schedule, before, now).unwrap_or(at);
        let mut fired = last_instants(schedule, from, now, wanted(schedule.missed));
        let is_missed = |at: &SystemTime| now.duration_since(*at).is_ok_and(|late| late > LATE);
        if schedule.missed == Missed::Skip {
            fired.retain(|at| !is_missed(at));
        }
        DueInstants {
            fired,
            next: schedule.next_after(last),
        }
    }
}

fn wanted(missed: Missed) -> u32 {
    match missed {
        Missed::Skip | Missed::Once => 1,
        Missed::All(most) => most.clamp(1, MISSED_LIMIT),
    }
}

/// The last `most` instants after `from` and until `now`, in their order.
fn last_instants(
    schedule: &Schedule,
    from: SystemTime,
    now: SystemTime,
    most: u32,
) -> Vec<SystemTime> {
    let mut until = now;
    let mut found = Vec::new();
    while found.len() < most as usize
        && let Some(last) = last_until(schedule, from, until)
    {
        found.push(last);
        until = last - MOMENT;
    }
    found.reverse();
    found
}

/// The last instant after `from` and until `until`. It is found by halving: there may have been
/// any number since a worker was there last.
fn last_until(schedule: &Schedule, from: SystemTime, until: SystemTime) -> Option<SystemTime> {
    let comes_after = |moment| schedule.next_after(moment).filter(|&next| next <= until);
    let mut last = comes_after(from)?;
    // One comes after `low` and none after `high`.
    let (mut low, mut high) = (from, until);
    while let Ok(span) = high.duration_since(low)
        && span > SECOND
    {
        let middle = low + span / 2;
        match comes_after(middle) {
            Some(next) => (low, last) = (middle, next),
            None => high = middle,
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
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

    /// The instants that are fired of an hourly schedule that is due since the start, and the next,
    /// counted in hours.
    fn due(missed: Missed, resumed: Option<Duration>, now: Duration) -> (Vec<u64>, Option<u64>) {
        let schedule = Schedule::every("hourly", HOUR)
            .missed(missed)
            .if_unfinished(IfUnfinished::Allow)
            .job(|_| Nothing)
            .expect("it is a schedule");
        let view = ScheduleView {
            name: "hourly".to_owned(),
            pattern: String::new(),
            zone: String::new(),
            kind: String::new(),
            state: ScheduleState::Active,
            next: Some(moment(Duration::ZERO)),
            resumed_at: resumed.map(moment),
            served_at: UNIX_EPOCH,
            fires: Vec::new(),
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
        let most = due(Missed::All(u32::MAX), None, century).0;
        assert_eq!(
            most.len(),
            MISSED_LIMIT as usize,
            "one transaction is bounded"
        );
    }
}
