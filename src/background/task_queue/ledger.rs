//! The ledger of a task queue: each piece of work on its way from the line to its end.
//!
//! ```text
//!              begin                 end
//!   Queued ───────────▶ Running ───────────▶ Over ───▶ (forgotten: taken, too old, too many)
//!      └───────────────────────────────────────▲
//!                  end (cancelled)
//! ```
//!
//! Plain bookkeeping: nothing here locks, wakes, spawns, or drops what belongs to a user. The
//! duties that are left once the lock is free go into an [`Aftermath`].

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::aftermath::Aftermath;
use super::line::Line;
use super::submit_error::SubmitError;
use super::take_error::TakeError;
use super::task_queue_metrics::TaskQueueMetrics;
use super::work::{Body, Work};
use super::work_context::WorkContext;
use super::work_end::WorkEnd;
use super::work_id::WorkId;
use super::work_status::{Cancelling, ListedWork, WorkStatus};
use crate::Task;
use crate::background::call_order::Urgency;
use crate::ground::shield::drop_shielded;
use crate::ground::waker::keep;

/// How a task queue is set up.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) bound: usize,
    pub(super) workers: usize,
    pub(super) keep_for: Duration,
    pub(super) keep_at_most: usize,
}

/// The work of a queue.
pub(super) struct Ledger<T> {
    pub(super) settings: Settings,
    records: BTreeMap<WorkId, WorkRecord<T>>,
    line: Line,
    /// The work that has ended and that no caller awaits, the oldest first.
    kept: BTreeSet<(Instant, WorkId)>,
    /// Places that are taken: one for each piece that runs or lingers.
    places_taken: usize,
    running: usize,
    next_id: u64,
    next_waiter: u64,
    /// Only the counters among them are kept here.
    counts: TaskQueueMetrics,
}

struct WorkRecord<T> {
    name: Option<Arc<str>>,
    context: WorkContext,
    urgency: Urgency,
    /// None until it has been spawned, and from its end on.
    task: Option<Arc<Task<()>>>,
    /// Those that wait for its end.
    waiters: BTreeMap<u64, Waker>,
    /// How many have waited for its end and not learned it yet. It is kept for them.
    awaited: usize,
    state: WorkState<T>,
}

enum WorkState<T> {
    Queued(Queued<T>),
    Running { since: Instant },
    Over { end: WorkEnd<T>, at: Instant },
}

struct Queued<T> {
    body: Body<T>,
    limit: Option<Duration>,
    since: Instant,
    /// Of its task, if that waits for the turn and has not been called.
    waker: Option<Waker>,
}

/// Work that has its turn.
pub(super) struct Begun<T> {
    pub(super) body: Body<T>,
    pub(super) limit: Option<Duration>,
    pub(super) context: WorkContext,
}

/// The instruction for the task of queued work.
pub(super) enum AtTurn<T> {
    Begins(Begun<T>),
    Waits,
    /// The work has ended already.
    Leaves,
}

/// The answer to a caller that waits for an end.
pub(super) enum AtEnd {
    Waits,
    Is(WorkStatus),
}

impl<T: Send + 'static> Ledger<T> {
    pub(super) fn new(settings: Settings) -> Ledger<T> {
        Ledger {
            records: BTreeMap::new(),
            line: Line::new(settings.workers),
            kept: BTreeSet::new(),
            places_taken: 0,
            running: 0,
            next_id: 1,
            next_waiter: 0,
            counts: TaskQueueMetrics::default(),
            settings,
        }
    }

    /// Takes work into the line, or gives it back.
    pub(super) fn admit(&mut self, work: Work<T>, now: Instant) -> Result<WorkId, SubmitError<T>> {
        let room = self.settings.bound.saturating_add(self.settings.workers);
        if self.line.len() + self.places_taken >= room {
            self.counts.refused += 1;
            return Err(SubmitError::Full(work));
        }
        let id = WorkId(self.next_id);
        self.next_id += 1;
        self.counts.submitted += 1;
        self.line.push(id);
        self.records.insert(id, WorkRecord::queued(id, work, now));
        Ok(id)
    }

    /// Notes the task of work that was admitted, which may have ended meanwhile.
    pub(super) fn attach(&mut self, id: WorkId, task: Task<()>, after: &mut Aftermath) {
        let task = Arc::new(task);
        match self.records.get_mut(&id) {
            Some(record) => record.attach(task, after),
            None => after.abort(task),
        }
    }

    /// Takes work back that was admitted, if it is still in the line.
    pub(super) fn withdraw(&mut self, id: WorkId, after: &mut Aftermath) -> Option<Work<T>> {
        let is_queued = self.records.get(&id).is_some_and(WorkRecord::is_queued);
        let record = is_queued.then(|| self.records.remove(&id)).flatten()?;
        self.line.remove(record.urgency, id);
        self.call_next(after);
        self.counts.cancelled += 1;
        for waker in record.waiters.into_values() {
            after.wake(Some(waker));
        }
        let WorkState::Queued(queued) = record.state else {
            unreachable!("it is queued");
        };
        Some(Work {
            name: record.name,
            limit: queued.limit,
            body: queued.body,
        })
    }

    /// Begins the work if its turn has come; otherwise its task waits to be called.
    pub(super) fn at_turn(
        &mut self,
        id: WorkId,
        waker: &Waker,
        now: Instant,
        after: &mut Aftermath,
    ) -> AtTurn<T> {
        let Some(record) = self.records.get_mut(&id) else {
            return AtTurn::Leaves;
        };
        let WorkState::Queued(queued) = &mut record.state else {
            return AtTurn::Leaves;
        };
        if !self.line.is_due(record.urgency, id) {
            after.discard(keep(&mut queued.waker, waker));
            return AtTurn::Waits;
        }
        let begun = record.begin(now);
        let (begun, waited) = begun.expect("it is queued");
        self.line.begin(record.urgency, id);
        self.places_taken += 1;
        self.running += 1;
        self.counts.begun += 1;
        self.counts.waited += waited;
        self.counts.longest_wait = self.counts.longest_wait.max(waited);
        AtTurn::Begins(begun)
    }

    /// Gives a place back that was taken when work began.
    pub(super) fn leave_place(&mut self, after: &mut Aftermath) {
        self.places_taken -= 1;
        self.call_next(after);
    }

    /// Calls those whose turn has come. To be done whenever the line or the number of free places
    /// has changed.
    pub(super) fn call_next(&mut self, after: &mut Aftermath) {
        let free = self.settings.workers.saturating_sub(self.places_taken);
        self.line.set_free(free);
        while let Some(id) = self.line.next_due() {
            self.call(id, after);
        }
    }

    fn call(&mut self, id: WorkId, after: &mut Aftermath) {
        let record = self.records.get_mut(&id);
        if let Some(WorkState::Queued(queued)) = record.map(|record| &mut record.state) {
            after.wake(queued.waker.take());
        }
    }

    /// Ends work, unless it has ended already: the first end counts.
    pub(super) fn end(
        &mut self,
        id: WorkId,
        end: WorkEnd<T>,
        now: Instant,
        after: &mut Aftermath,
    ) -> Cancelling {
        let Some(record) = self.records.get_mut(&id) else {
            after.discard(Some(end));
            return Cancelling::Unknown;
        };
        let found = match &record.state {
            WorkState::Queued(_) => Cancelling::NeverRuns,
            WorkState::Running { since } => {
                self.running -= 1;
                self.counts.ran += now.saturating_duration_since(*since);
                Cancelling::Stops
            }
            WorkState::Over { .. } => {
                after.discard(Some(end));
                return Cancelling::TooLate;
            }
        };
        count(&mut self.counts, &end);
        record.end(end, now, after);
        let (urgency, awaited) = (record.urgency, record.awaited);
        if found == Cancelling::NeverRuns {
            self.line.remove(urgency, id);
            self.call_next(after);
        }
        if awaited == 0 {
            self.kept.insert((now, id));
        }
        self.expire(now, after);
        found
    }

    /// Forgets what is too old or too much.
    pub(super) fn expire(&mut self, now: Instant, after: &mut Aftermath) {
        while let Some(&(at, id)) = self.kept.first() {
            let is_old = now.saturating_duration_since(at) >= self.settings.keep_for;
            if !is_old && self.kept.len() <= self.settings.keep_at_most {
                return;
            }
            self.kept.pop_first();
            self.counts.expired += 1;
            after.discard(self.records.remove(&id));
        }
    }

    /// Gives the result of work that has ended, and forgets it.
    pub(super) fn take(&mut self, id: WorkId) -> Result<T, TakeError> {
        let record = self.records.get(&id).ok_or(TakeError::Unknown)?;
        let WorkState::Over { at, .. } = record.state else {
            return Err(TakeError::NotOver);
        };
        self.kept.remove(&(at, id));
        let record = self.records.remove(&id).expect("it was there");
        // The end has taken the record's wakers and its task: no code of the user's is dropped.
        match record.state {
            WorkState::Over { end, .. } => end.into_result(),
            WorkState::Queued(_) | WorkState::Running { .. } => unreachable!("it is over"),
        }
    }

    /// Puts work before all that is usual, and gives its task, which is to be raised.
    pub(super) fn raise(&mut self, id: WorkId, after: &mut Aftermath) -> Option<Arc<Task<()>>> {
        let record = self.records.get_mut(&id)?;
        let before = mem::replace(&mut record.urgency, Urgency::Urgent);
        let task = record.task.clone();
        if record.is_queued() && before == Urgency::Usual {
            self.line.raise(id);
            if self.line.is_due(Urgency::Urgent, id) {
                self.call(id, after);
            }
        }
        task
    }

    /// Leaves a waker for the end of work, or tells that it has ended.
    pub(super) fn at_end(
        &mut self,
        id: WorkId,
        waiter: &mut Option<u64>,
        waker: &Waker,
        after: &mut Aftermath,
    ) -> AtEnd {
        let status = self.status(id);
        if status.is_over() {
            return AtEnd::Is(status);
        }
        let record = self.records.get_mut(&id).expect("it has a status");
        let key = waiter.unwrap_or_else(|| {
            self.next_waiter += 1;
            record.awaited += 1;
            self.next_waiter
        });
        *waiter = Some(key);
        after.discard(record.waiters.insert(key, waker.clone()));
        AtEnd::Waits
    }

    /// Notes that a waiter has given up or has learned of the end.
    pub(super) fn leave_waiter(
        &mut self,
        id: WorkId,
        waiter: u64,
        now: Instant,
        after: &mut Aftermath,
    ) {
        // The work may have been taken.
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        after.discard(record.waiters.remove(&waiter));
        record.awaited -= 1;
        if let WorkState::Over { at, .. } = record.state
            && record.awaited == 0
        {
            self.kept.insert((at, id));
            self.expire(now, after);
        }
    }

    pub(super) fn status(&self, id: WorkId) -> WorkStatus {
        let Some(record) = self.records.get(&id) else {
            return WorkStatus::Unknown;
        };
        record.status(|| self.line.ahead(record.urgency, id))
    }

    /// The last `at_most` pieces of work, the newest first.
    pub(super) fn list(&self, at_most: usize) -> Vec<ListedWork> {
        let mut places = self.line.newest_first();
        let newest = self.records.iter().rev().take(at_most);
        let lines = newest.map(|(id, record)| ListedWork {
            id: *id,
            name: record.name.clone(),
            status: record.status(|| places.ahead_of_next(record.urgency)),
        });
        lines.collect()
    }

    pub(super) fn metrics(&self) -> TaskQueueMetrics {
        TaskQueueMetrics {
            queued: self.line.len(),
            running: self.running,
            lingering: self.places_taken - self.running,
            kept: self.records.len() - self.line.len() - self.running,
            ..self.counts
        }
    }
}

impl<T: Send + 'static> WorkRecord<T> {
    fn queued(id: WorkId, work: Work<T>, since: Instant) -> WorkRecord<T> {
        let queued = Queued {
            body: work.body,
            limit: work.limit,
            since,
            waker: None,
        };
        WorkRecord {
            name: work.name,
            context: WorkContext::new(id),
            urgency: Urgency::Usual,
            task: None,
            waiters: BTreeMap::new(),
            awaited: 0,
            state: WorkState::Queued(queued),
        }
    }

    fn is_queued(&self) -> bool {
        matches!(self.state, WorkState::Queued(_))
    }

    fn attach(&mut self, task: Arc<Task<()>>, after: &mut Aftermath) {
        match &self.state {
            WorkState::Over { end, .. } => after.part_from(task, end),
            WorkState::Queued(_) | WorkState::Running { .. } => {
                if self.urgency == Urgency::Urgent {
                    after.raise(task.clone());
                }
                self.task = Some(task);
            }
        }
    }

    /// Begins what is queued, and tells for how long it was.
    fn begin(&mut self, now: Instant) -> Option<(Begun<T>, Duration)> {
        match mem::replace(&mut self.state, WorkState::Running { since: now }) {
            WorkState::Queued(queued) => {
                let begun = Begun {
                    body: queued.body,
                    limit: queued.limit,
                    context: self.context.clone(),
                };
                Some((begun, now.saturating_duration_since(queued.since)))
            }
            before => {
                self.state = before;
                None
            }
        }
    }

    fn end(&mut self, end: WorkEnd<T>, at: Instant, after: &mut Aftermath) {
        self.context.tell_over();
        if let Some(task) = self.task.take() {
            after.part_from(task, &end);
        }
        let before = mem::replace(&mut self.state, WorkState::Over { end, at });
        if let WorkState::Queued(mut queued) = before {
            after.wake(queued.waker.take());
            after.discard(Some(queued.body));
        }
        for waker in mem::take(&mut self.waiters).into_values() {
            after.wake(Some(waker));
        }
    }

    fn status(&self, ahead: impl FnOnce() -> usize) -> WorkStatus {
        match &self.state {
            WorkState::Queued(_) => WorkStatus::Queued { ahead: ahead() },
            WorkState::Running { since } => WorkStatus::Running {
                since: *since,
                progress: self.context.progress(),
            },
            WorkState::Over { end, .. } => end.status(),
        }
    }
}

fn count<T>(counts: &mut TaskQueueMetrics, end: &WorkEnd<T>) {
    match end {
        WorkEnd::Done(_) => counts.done += 1,
        WorkEnd::Cancelled => counts.cancelled += 1,
        WorkEnd::Failed(_) => counts.failed += 1,
        WorkEnd::TimedOut(_) => {
            counts.failed += 1;
            counts.timed_out += 1;
        }
    }
}

impl<T> Drop for Ledger<T> {
    fn drop(&mut self) {
        // Each by itself: the panic of a result's destructor is told to the log, and keeps no other
        // result from being dropped.
        while let Some((_id, record)) = self.records.pop_first() {
            drop_shielded(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Calls>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn ledger(workers: usize) -> Ledger<usize> {
        Ledger::new(Settings {
            bound: usize::MAX,
            workers,
            keep_for: Duration::MAX,
            keep_at_most: 8,
        })
    }

    fn admitted(ledger: &mut Ledger<usize>, number: usize) -> WorkId {
        let admitted = ledger.admit(Work::sync(move |_| number), Instant::now());
        admitted.unwrap_or_else(|_| panic!("there is room"))
    }

    /// How many measurements count by the fastest: others may have the core in some of them.
    const TIMES: usize = 20;

    /// The fastest of some times in which so much work goes through a ledger.
    fn time_of(workers: usize, work: usize) -> Duration {
        let times = (0..TIMES).map(|_| {
            let (mut ledger, now) = (ledger(workers), Instant::now());
            let ids: Vec<_> = (0..work).map(|n| admitted(&mut ledger, n)).collect();
            for id in ids {
                let mut after = Aftermath::default();
                let turn = ledger.at_turn(id, Waker::noop(), now, &mut after);
                assert!(matches!(turn, AtTurn::Begins(_)));
                let _ = ledger.end(id, WorkEnd::Cancelled, now, &mut after);
                ledger.leave_place(&mut after);
                after.settle();
            }
            now.elapsed()
        });
        times.min().expect("there are some")
    }

    #[test]
    fn work_costs_no_more_for_the_number_of_workers() {
        let [one, many] = [1, usize::MAX].map(|workers| time_of(workers, 3_000));
        assert!(many < 8 * one, "one worker: {one:?}, many: {many:?}");
    }

    /// So many looks are one measurement: a single one takes less than a tick of some clocks.
    const LOOKS: usize = 200;

    /// The fastest of some times in which the last two of so much work in the line are listed.
    fn time_of_a_list(length: usize) -> Duration {
        let mut ledger = ledger(1);
        for number in 0..length {
            admitted(&mut ledger, number);
        }
        let times = (0..TIMES).map(|_| {
            let begun = Instant::now();
            for _ in 0..LOOKS {
                assert_eq!(ledger.list(2).len(), 2);
            }
            begun.elapsed()
        });
        times.min().expect("there are some")
    }

    #[test]
    fn a_list_costs_no_more_for_the_length_of_the_line() {
        let [short, long] = [10, 30_000].map(time_of_a_list);
        // A look at each of 30,000 costs a thousand times as much.
        assert!(long < 50 * short, "short: {short:?}, long: {long:?}");
    }

    /// The fastest of some times of questions about the last of so much work in the line, half of
    /// which is urgent.
    fn time_of_a_question(length: usize) -> Duration {
        let (mut ledger, mut after) = (ledger(1), Aftermath::default());
        let ids: Vec<_> = (0..length).map(|n| admitted(&mut ledger, n)).collect();
        for raised in ids.iter().step_by(2) {
            ledger.raise(*raised, &mut after);
        }
        let times = (0..TIMES).map(|_| {
            let begun = Instant::now();
            for _ in 0..LOOKS {
                let status = ledger.status(ids[length - 1]);
                let ahead = length - 1;
                assert_eq!(status, WorkStatus::Queued { ahead });
            }
            begun.elapsed()
        });
        times.min().expect("there are some")
    }

    #[test]
    fn a_question_costs_no_more_for_the_work_ahead() {
        let [short, long] = [1_000, 100_000].map(time_of_a_question);
        // A look at each of 100,000 costs a hundred times as much.
        assert!(long < 10 * short, "short: {short:?}, long: {long:?}");
    }

    #[test]
    fn a_list_tells_the_same_as_a_question_about_each() {
        let (mut ledger, now) = (ledger(3), Instant::now());
        let ids: Vec<_> = (0..20)
            .map(|number| admitted(&mut ledger, number))
            .collect();
        let mut after = Aftermath::default();
        for raised in [3, 17, 9, 3, 4] {
            ledger.raise(ids[raised], &mut after);
            assert_listed(&ledger, &ids);
        }
        for begun in [3, 9] {
            let turn = ledger.at_turn(ids[begun], Waker::noop(), now, &mut after);
            assert!(matches!(turn, AtTurn::Begins(_)));
            assert_listed(&ledger, &ids);
        }
        for gone in [17, 0, 5, 19] {
            assert!(ledger.withdraw(ids[gone], &mut after).is_some());
            assert_listed(&ledger, &ids);
        }
        let _ = ledger.end(ids[4], WorkEnd::Cancelled, now, &mut after);
        let _ = ledger.end(ids[9], WorkEnd::Done(Box::new(9)), now, &mut after);
        ledger.leave_place(&mut after);
        assert_listed(&ledger, &ids);
        after.settle();
    }

    /// That lists of any length show for each work what a question about it gives.
    #[track_caller]
    fn assert_listed(ledger: &Ledger<usize>, ids: &[WorkId]) {
        let known = ids.iter().rev().map(|id| (*id, ledger.status(*id)));
        let known: Vec<_> = known
            .filter(|(_, status)| *status != WorkStatus::Unknown)
            .collect();
        for length in [1, 5, ids.len()] {
            let listed = ledger.list(length).into_iter();
            let listed: Vec<_> = listed.map(|work| (work.id, work.status)).collect();
            assert_eq!(listed, known[..length.min(known.len())]);
        }
    }

    /// A shutdown that begins between the two lets the second alone be spawned.
    #[test]
    fn work_that_is_withdrawn_lets_the_next_begin() {
        let (mut ledger, now) = (ledger(1), Instant::now());
        let [first, second] = [1, 2].map(|number| admitted(&mut ledger, number));
        let calls = Arc::new(Calls::default());
        let waker = Waker::from(calls.clone());
        let mut after = Aftermath::default();
        let turn = ledger.at_turn(second, &waker, now, &mut after);
        assert!(matches!(turn, AtTurn::Waits));
        assert!(ledger.withdraw(first, &mut after).is_some());
        after.settle();
        assert_eq!(calls.0.load(Relaxed), 1);
        let mut after = Aftermath::default();
        let turn = ledger.at_turn(second, &waker, now, &mut after);
        assert!(matches!(turn, AtTurn::Begins(_)));
        after.settle();
    }
}
