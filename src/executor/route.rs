//! The queues that a worker may take from, and their order: the stealing policy, as data.
//!
//! A [`Route`] is one worker's list of places to look for its next task. It is worked out once,
//! when the runtime is built, by pure functions; a worker then walks the list at every step. To
//! know what a configuration does, print its routes.
//!
//! This file never takes a lock and never touches a task. Read `worker.rs` next, which walks the
//! routes.

use std::ops::Range;

use crate::ground::ids::QueueId;

/// One place to look for a task. The number is a position in [`Route::queues`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The worker's own next-slot and deque for that queue.
    Local(usize),
    /// That queue's channel.
    Channel(usize),
    /// The deques of the other workers that serve that queue, and the outboxes.
    Others(usize),
    /// The outboxes alone, in which nice workers leave tasks of that queue.
    Outboxes(usize),
}

/// A few places, in the order in which to look there.
pub(super) type Looks = [Option<Look>; 3];

/// The queues that a worker serves, and the order in which it looks for their tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The queue that the worker is there for.
    pub(crate) home: QueueId,
    /// The queues that the worker may take from: its home first.
    pub(crate) queues: Box<[QueueId]>,
    /// The queues that outrank home, as positions in `queues`: the worker looks first at its own
    /// part of these, and then of home.
    pub(super) above: Box<[usize]>,
    /// The other places that it looks at before it counts as a searcher (`idle/parking.rs`): its
    /// home channel, and if it serves queues that do not outrank home, tasks of home in the deques
    /// of others and then its own part of those queues.
    pub(super) at_hand: Box<[Look]>,
    /// The places where a worker without work of its own searches for some.
    pub(super) farther: Box<[Look]>,
    /// For each queue that is not home, the places where a task may wait for this worker alone: its
    /// own part of the queue, from which others may steal and need not, or all of a queue without
    /// workers at home.
    other_queues: Box<[Looks]>,
}

/// Every 61st step looks at the home channel first, so that a worker whose deque never runs dry
/// still takes from it. The step after looks at its home deque first: a low worker that has stolen
/// high tasks would otherwise run one task of each share that it takes from the low channel, and
/// never come to the rest of the share, which lies in its deque. Prime, so that it stays out of
/// step with periodic work. Go's scheduler and tokio use the same number for the same purpose.
const HOME_EVERY: u64 = 61;

/// Every 64th step looks first at one of the other queues on the route, in turn. This bounds the
/// wait of a task that this worker holds, or that lies in a queue without workers at home, while
/// work of a higher rank never ends.
const OTHER_QUEUE_EVERY: u64 = 64;

impl Route {
    /// Lays out the route of a worker at home in `home` that may also take from `steals_from`.
    /// `staffed` tells which queues have workers of their own.
    pub(crate) fn new(
        home: QueueId,
        steals_from: &[QueueId],
        staffed: impl Fn(QueueId) -> bool,
    ) -> Route {
        let stolen_from = steals_from.iter().copied().filter(|&queue| queue != home);
        let queues: Box<[QueueId]> = std::iter::once(home).chain(stolen_from).collect();
        let rest = 1..queues.len();
        let outranks_home = |&at: &usize| queues[at].outranks(home);
        let (above, below): (Vec<_>, Vec<_>) = rest.clone().partition(outranks_home);
        let seen_to_here = |at: usize| match staffed(queues[at]) {
            true => [Some(Look::Local(at)), None, None],
            false => [Look::Channel(at), Look::Local(at), Look::Others(at)].map(Some),
        };
        Route {
            home,
            above: above.into(),
            at_hand: at_hand(&below),
            farther: farther(rest.clone()),
            other_queues: rest.map(seen_to_here).collect(),
            queues,
        }
    }

    /// The position of `queue` on this route, or `None` where the worker does not serve it.
    #[inline]
    pub(crate) fn position(&self, queue: QueueId) -> Option<usize> {
        if queue == self.home {
            return Some(0);
        }
        self.queues.iter().position(|&served| served == queue)
    }

    /// The places that go first at this step, since they have been passed over for long enough. The
    /// worker took its last task from the queue at `running_at`, and may have spare ones of it.
    ///
    /// Where it has no spare one, it may run a single task again and again. Then the tasks of that
    /// queue which wait elsewhere have their turn as well: in the deque of a worker that is in a
    /// long poll, say, or in the channel. The workers at home there may get little time, since the
    /// system gives little to nice threads beside other programs.
    ///
    /// Where the turns of home and of another queue fall on one step, the other queue keeps its
    /// turn, and home comes a step later.
    ///
    /// At every other turn of the high queue's channel its outboxes go first: a channel that never
    /// runs dry does not keep the tasks waiting that nice workers leave there.
    pub(super) fn overdue(&self, step: u64, running_at: usize, has_spare: bool) -> Looks {
        let goes_on_alone = |at| at == running_at && !has_spare;
        if let Some(at) = self.other_queue_due(step) {
            return match goes_on_alone(at) {
                true => waiting(at),
                false => self.other_queues[at - 1],
            };
        }
        let since_home = step % HOME_EVERY;
        match since_home.checked_sub(self.home_delay(step)) {
            Some(0) if self.is_turn_of_outboxes(step) => OUTBOXES,
            Some(0) if goes_on_alone(0) => waiting(0),
            Some(0) => HOME,
            Some(1) => OWN_HOME,
            _ => NOWHERE,
        }
    }

    /// The next step after this one at which a place may be overdue. Before that step a worker need
    /// not ask (T17).
    pub(super) fn next_overdue(&self, step: u64) -> u64 {
        let home = match step % HOME_EVERY {
            0 => step + 1,
            1 if self.home_delay(step + 1) > 0 => step + 1,
            _ => step.next_multiple_of(HOME_EVERY),
        };
        home.min((step + 1).next_multiple_of(OTHER_QUEUE_EVERY))
    }

    /// Whether home's turn, which is due at this step, begins with the outboxes.
    fn is_turn_of_outboxes(&self, step: u64) -> bool {
        self.home == QueueId::HIGH && (step / HOME_EVERY).is_multiple_of(2)
    }

    /// The other queue whose turn this step is. Steps count from 1.
    fn other_queue_due(&self, step: u64) -> Option<usize> {
        if step == 0 || !step.is_multiple_of(OTHER_QUEUE_EVERY) {
            return None;
        }
        let turn = (step / OTHER_QUEUE_EVERY) as usize;
        Some(turn.checked_rem(self.other_queues.len())? + 1)
    }

    /// How many steps late home's two turns are by now. They fall due at a step that 61 divides and
    /// at the next, and each of these that another queue had makes them one step later. At step
    /// 3904, which 61 and 64 divide, the other queue goes first, and home has its turns at 3905 and
    /// 3906.
    fn home_delay(&self, step: u64) -> u64 {
        let since_due = (step - step % HOME_EVERY..step).take(2);
        let lost = since_due.filter(|&step| self.other_queue_due(step).is_some());
        lost.count() as u64
    }
}

/// The home queue: its channel, or else the worker's own part of it.
const HOME: Looks = [Some(Look::Channel(0)), Some(Look::Local(0)), None];

/// The high queue as home: the outboxes, and then as at its other turns.
const OUTBOXES: Looks = [
    Some(Look::Outboxes(0)),
    Some(Look::Channel(0)),
    Some(Look::Local(0)),
];

/// The places where a task of a queue may wait while the worker goes on with its own part of it,
/// and last that part.
fn waiting(at: usize) -> Looks {
    [Look::Channel(at), Look::Others(at), Look::Local(at)].map(Some)
}

/// The worker's own part of the home queue.
const OWN_HOME: Looks = [Some(Look::Local(0)), None, None];

const NOWHERE: Looks = [None; 3];

/// Between the home work that a worker holds and the queues `below`, which do not outrank home, the
/// worker looks for home work everywhere. So no worker goes on with stolen low tasks while a task
/// of its own queue waits, wherever that one lies.
fn at_hand(below: &[usize]) -> Box<[Look]> {
    let home_everywhere = (!below.is_empty()).then_some(Look::Others(0));
    let below = below.iter().copied().map(Look::Local);
    let home = [Look::Channel(0)].into_iter().chain(home_everywhere);
    home.chain(below).collect()
}

/// Of the queues that are not home, the deques come before the channels: a channel is seen to by
/// the workers at home there, and a task in the deque of a worker that is in a long poll by thieves
/// alone.
fn farther(rest: Range<usize>) -> Box<[Look]> {
    let home = [Look::Channel(0), Look::Others(0)].into_iter();
    let deques = rest.clone().map(Look::Others);
    home.chain(deques).chain(rest.map(Look::Channel)).collect()
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;
    use Look::{Channel, Local, Others};

    fn route(home: QueueId, steals_from: &[QueueId]) -> Route {
        Route::new(home, steals_from, |_| true)
    }

    #[test]
    fn a_high_worker_looks_for_high_work_everywhere_before_low_work() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        assert!(route.above.is_empty());
        assert_eq!(*route.at_hand, [Channel(0), Others(0), Local(1)]);
        assert_eq!(
            *route.farther,
            [Channel(0), Others(0), Others(1), Channel(1)]
        );
    }

    #[test]
    fn a_low_worker_finishes_the_high_tasks_it_holds_before_its_own() {
        let route = route(QueueId::LOW, &[QueueId::HIGH]);
        assert_eq!(*route.above, [1]);
        assert_eq!(*route.at_hand, [Channel(0)]);
        assert_eq!(
            *route.farther,
            [Channel(0), Others(0), Others(1), Channel(1)]
        );
    }

    #[test]
    fn a_worker_that_steals_nothing_knows_only_its_home() {
        let route = route(QueueId::HIGH, &[]);
        assert_eq!(*route.queues, [QueueId::HIGH]);
        assert!(route.above.is_empty());
        assert_eq!(*route.at_hand, [Channel(0)]);
        assert_eq!(*route.farther, [Channel(0), Others(0)]);
    }

    fn steps(route: &Route, overdue: Looks) -> Vec<u64> {
        let goes_first = |&step: &u64| route.overdue(step, 0, true) == overdue;
        (1..=200).filter(goes_first).collect()
    }

    #[test]
    fn the_home_channel_goes_first_every_61st_step() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        assert_eq!(steps(&route, HOME), [61, 183]);
        assert_eq!(steps(&route, OUTBOXES), [122]);
        let low = self::route(QueueId::LOW, &[]);
        assert_eq!(steps(&low, HOME), [61, 122, 183]);
    }

    #[test]
    fn a_worker_asks_at_each_step_at_which_something_is_overdue() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        let mut asks = 0;
        for step in 1..10_000 {
            if step == route.next_overdue(asks) {
                asks = step;
            }
            assert!(
                asks == step || route.overdue(step, 0, true) == NOWHERE,
                "step {step}"
            );
        }
    }

    #[test]
    fn no_turn_is_lost_where_two_fall_on_one_step() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        let overdue = |steps: RangeInclusive<u64>| {
            let each = steps.map(|step| route.overdue(step, 0, true));
            each.collect::<Vec<_>>()
        };
        let (home, own_home, none) = (HOME, OWN_HOME, NOWHERE);
        let other = [Some(Local(1)), None, None];
        // The first step that 61 and 64 both divide, and the first one that 64 divides after one
        // that 61 divides.
        let expected = [none, other, OUTBOXES, own_home, none];
        assert_eq!(overdue(3903..=3907), expected);
        assert_eq!(overdue(2622..=2626), [none, home, other, own_home, none]);
        for step in 1..10_000 {
            let turns = overdue(step..=step + 63);
            assert_eq!(turns.iter().filter(|turn| **turn == other).count(), 1);
            assert!(turns.contains(&home) || turns.contains(&OUTBOXES));
            assert!(turns.contains(&own_home));
        }
    }

    #[test]
    fn a_workers_own_part_of_its_home_goes_first_at_the_step_after() {
        let route = route(QueueId::LOW, &[QueueId::HIGH]);
        assert_eq!(steps(&route, OWN_HOME), [1, 62, 123, 184]);
    }

    #[test]
    fn a_workers_own_part_of_another_queue_goes_first_every_64th_step() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        assert_eq!(steps(&route, [Some(Local(1)), None, None]), [64, 128, 192]);
    }

    #[test]
    fn a_worker_that_goes_on_with_another_queue_looks_for_its_tasks_elsewhere() {
        let route = route(QueueId::HIGH, &[QueueId::LOW]);
        assert_eq!(route.overdue(64, 0, false), [Some(Local(1)), None, None]);
        assert_eq!(route.overdue(64, 1, true), [Some(Local(1)), None, None]);
        assert_eq!(route.overdue(64, 1, false), waiting(1));
        assert_eq!(route.overdue(61, 0, false), waiting(0));
    }

    #[test]
    fn a_queue_without_workers_goes_first_every_64th_step() {
        let low_only = |queue| queue == QueueId::LOW;
        let route = Route::new(QueueId::LOW, &[QueueId::HIGH], low_only);
        let high = [Channel(1), Local(1), Others(1)].map(Some);
        assert_eq!(steps(&route, high), [64, 128, 192]);
    }
}
