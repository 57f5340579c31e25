//! The order in which calls are served.

use std::collections::VecDeque;
use std::mem;

use crate::executor::seat;

/// In which order a service takes its calls. Set by
/// [`Service::call_order`](super::Service::call_order).
///
/// ```
/// use laneway::background::CallOrder;
///
/// assert_eq!(CallOrder::default(), CallOrder::UrgentFirst);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallOrder {
    /// Calls of high tasks go before all others, and otherwise the first come is the first served.
    /// After at most 16 urgent calls one of the others is served, if any waits. The default.
    ///
    /// A call is urgent if a [high](crate::Priority::High) task makes it, or code that blocks such
    /// a task's thread. Calls from threads that are no workers are not: such a thread has no
    /// priority.
    ///
    /// While a service has urgent calls, the [low](crate::Priority::Low) task that it runs in
    /// counts as a high one, and so does not wait behind the low queue; nor does a low task that
    /// its handler awaits. One that is in the low queue already is looked for there, as
    /// [`Task::escalate`](crate::Task::escalate) does. Without urgent calls it is low again, from
    /// its next scheduling on. So it is while a high task waits for a call that was made as a usual
    /// one: the task was raised after the call, or was handed the [`Reply`](super::Reply). Such a
    /// call keeps its place among the usual ones.
    #[default]
    UrgentFirst,
    /// The first come is the first served, whichever task calls.
    FirstCome,
}

impl CallOrder {
    /// How urgent a call is that this thread makes now.
    #[inline]
    pub(super) fn of_caller(self) -> Urgency {
        match self {
            CallOrder::UrgentFirst if seat::runs_high_task() => Urgency::Urgent,
            CallOrder::UrgentFirst | CallOrder::FirstCome => Urgency::Usual,
        }
    }
}

/// In which of two lines a call or the work of a task queue waits. The urgent ones go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    Urgent,
    Usual,
}

/// No more urgent calls than this are served in a row while others wait.
const URGENT_IN_A_ROW: u32 = 16;

/// Calls in two lines.
#[derive(Debug)]
pub(super) struct TwoLines<T> {
    urgent: VecDeque<T>,
    usual: VecDeque<T>,
    /// Urgent calls since the last one of the others.
    in_a_row: u32,
}

impl<T> TwoLines<T> {
    pub(super) fn new() -> TwoLines<T> {
        TwoLines {
            urgent: VecDeque::new(),
            usual: VecDeque::new(),
            in_a_row: 0,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, urgency: Urgency, call: T) {
        match urgency {
            Urgency::Urgent => self.urgent.push_back(call),
            Urgency::Usual => self.usual.push_back(call),
        }
    }

    /// The call whose turn it is.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        if (self.in_a_row < URGENT_IN_A_ROW || self.usual.is_empty())
            && let Some(call) = self.urgent.pop_front()
        {
            self.in_a_row = self.in_a_row.saturating_add(1);
            return Some(call);
        }
        self.in_a_row = 0;
        self.usual.pop_front()
    }

    /// Takes all urgent calls of `later`, and the others if none is here: in the long run there is
    /// one whose turn can come.
    pub(super) fn take_in(&mut self, later: &mut TwoLines<T>) {
        match self.urgent.is_empty() {
            true => mem::swap(&mut self.urgent, &mut later.urgent),
            false => self.urgent.append(&mut later.urgent),
        }
        if self.usual.is_empty() {
            mem::swap(&mut self.usual, &mut later.usual);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.usual.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.usual.is_empty()
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.urgent.retain(&mut keep);
        self.usual.retain(&mut keep);
    }

    /// Gives memory back beyond the room for `capacity` calls in each line.
    pub(super) fn shrink_to(&mut self, capacity: usize) {
        for line in [&mut self.urgent, &mut self.usual] {
            if line.capacity() > capacity {
                line.shrink_to(capacity);
            }
        }
    }
}

impl<T> IntoIterator for TwoLines<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<
        std::collections::vec_deque::IntoIter<T>,
        std::collections::vec_deque::IntoIter<T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.urgent.into_iter().chain(self.usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(
        urgent: impl IntoIterator<Item = u32>,
        usual: impl IntoIterator<Item = u32>,
    ) -> TwoLines<u32> {
        let mut lines = TwoLines::new();
        urgent
            .into_iter()
            .for_each(|call| lines.push(Urgency::Urgent, call));
        usual
            .into_iter()
            .for_each(|call| lines.push(Urgency::Usual, call));
        lines
    }

    fn served(mut lines: TwoLines<u32>) -> Vec<u32> {
        std::iter::from_fn(|| lines.pop()).collect()
    }

    #[test]
    fn urgent_calls_go_first_and_each_line_keeps_its_order() {
        assert_eq!(served(lines([], [1, 2])), [1, 2]);
        assert_eq!(served(lines([11, 12, 13], [1, 2])), [11, 12, 13, 1, 2]);
    }

    #[test]
    fn after_sixteen_urgent_calls_another_one_has_its_turn() {
        let served = served(lines(100..140, 1..4));
        let places: Vec<usize> = (1..4)
            .map(|call| served.iter().position(|n| *n == call).unwrap())
            .collect();
        assert_eq!(places, [16, 33, 42]);
    }

    #[test]
    fn a_call_that_comes_during_a_long_row_is_next() {
        let mut lines = lines(100..200, []);
        (0..50).for_each(|_| assert!(lines.pop() >= Some(100)));
        lines.push(Urgency::Usual, 1);
        assert_eq!(lines.pop(), Some(1));
        assert_eq!(lines.pop(), Some(150));
    }

    #[test]
    fn what_comes_later_waits_behind_those_of_its_line() {
        let (mut now, mut later) = (lines([11], [1]), lines([12, 13], [2]));
        now.take_in(&mut later);
        assert_eq!(later.len(), 1, "there is one of the others here already");
        assert_eq!(
            [now.pop(), now.pop(), now.pop(), now.pop()],
            [Some(11), Some(12), Some(13), Some(1)]
        );
        now.take_in(&mut later);
        assert_eq!(
            (now.pop(), now.pop(), later.is_empty()),
            (Some(2), None, true)
        );
    }
}
