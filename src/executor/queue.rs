//! One queue: a channel that any thread may push to, and a local deque for each of its workers.
//!
//! The channel takes tasks from everywhere. A [`LocalQueue`] belongs to one worker and takes the
//! tasks that this worker schedules itself, for a fraction of the channel's price; other threads
//! reach it from the stealing side only. Its *next-slot* holds the one task that was scheduled
//! last, which runs next while its data is in the cache.
//!
//! A worker whose thread is nice has an *outbox* besides, where the high queue is not on its route:
//! a deque for the high tasks that it schedules. In the channel's lock a nice thread that gives way
//! to other programs would hold up all others; a deque is stolen from without waiting. Of all that
//! a worker decides and tells, an outbox is a part of the channel.
//!
//! This file owns the places where tasks lie, and the order within one of them. It never decides at
//! which place a worker looks first (`route.rs`), and never unparks a worker (`idle/parking.rs`).
//! Read `ground/channel.rs` next.

mod extract;

use std::mem;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::runnable::Runnable;
use crate::ground::channel::{self, Channel};
use crate::ground::ids::{CrewId, WorkerId};
use crate::ground::next_slot::NextSlot;
use crate::ground::sift_mark::SiftMark;
use crate::ground::sync::unmodelled::{Deque, Ring, Steal, Stealer};
use crate::idle::Board;

/// A queue, shared by all threads.
#[derive(Debug)]
pub(crate) struct Queue {
    name: Box<str>,
    /// Unbounded, since a spawn or a wake-up cannot wait. It never holds more than the tasks that
    /// were spawned and have not ended.
    channel: Channel<Runnable>,
    /// The count of raises at which the channel was last sifted for raised tasks
    /// (`worker/sifter.rs`).
    sifted_at: SiftMark,
    /// The same for the deques and next-slots, out of which other workers take tasks then.
    swept_at: SiftMark,
    /// Shows which of the local deques may hold something (`idle/board.rs`).
    board: Arc<Board>,
    /// The stealing side of the local deques of the workers that serve this queue, in the order of
    /// their workers' numbers.
    locals: Box<[Stealable]>,
    /// The crews that serve this queue, in the order in which they are asked for a parked worker:
    /// standbys last, and otherwise first the crew that serves the fewest queues
    /// (`runtime/workforce.rs`).
    crews: Box<[CrewId]>,
    /// How many workers are at home here, but at least one.
    staff: usize,
}

/// Of a channel that holds at least this many tasks, a worker takes all (T1).
const WORTH_TAKING_ALL: usize = 16;

impl Queue {
    pub(crate) fn new(
        name: &str,
        staff: usize,
        board: Arc<Board>,
        locals: Box<[Stealable]>,
        crews: Box<[CrewId]>,
    ) -> Queue {
        Queue {
            name: name.into(),
            channel: Channel::new(),
            sifted_at: SiftMark::default(),
            swept_at: SiftMark::default(),
            board,
            locals,
            crews,
            staff: staff.max(1),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    pub(super) fn crews(&self) -> &[CrewId] {
        &self.crews
    }

    /// Puts a task into the channel.
    pub(super) fn push(&self, runnable: Runnable) {
        self.channel.push(runnable);
    }

    /// How many tasks wait in the channel.
    #[inline]
    pub(crate) fn channel_len(&self) -> usize {
        self.channel.len()
    }

    /// How many tasks wait, in the channel, the local deques and the next-slots. Each place is
    /// counted at a moment of its own.
    pub(crate) fn len(&self) -> usize {
        let local =
            |local: &Stealable| local.deque.len() + usize::from(local.shown.next.is_filled());
        self.channel_len() + self.locals.iter().map(local).sum::<usize>()
    }

    /// Whether every worker that serves this queue would find a task in it. Those in next-slots do
    /// not count: each is found by one worker alone.
    pub(crate) fn has_work(&self) -> bool {
        let mut marked = self
            .board
            .marked(0)
            .filter_map(|owner| self.local_of(owner));
        self.channel_len() > 0 || marked.any(|local| !local.deque.is_empty())
    }

    fn local_of(&self, worker: usize) -> Option<&Stealable> {
        let owner = |local: &Stealable| local.owner.index();
        let place = self.locals.binary_search_by_key(&worker, owner).ok()?;
        Some(&self.locals[place])
    }

    /// Takes the oldest task from the channel.
    pub(super) fn take(&self) -> Option<Runnable> {
        match self.channel_len() {
            0 => None,
            _ => self.channel.pop(),
        }
    }

    /// How many of `len` tasks in the channel are a fair share for a worker at home here.
    pub(super) fn fair_share(&self, len: usize) -> usize {
        len / self.staff + 1
    }

    /// Takes `share` tasks from the channel, which holds about `len`, or all if there are many: the
    /// oldest one to run, the others moved into `local`, where idle workers can steal them. The
    /// sift mark of `local` is set back first, since thieves may take the tasks on at once. It
    /// stays so where the channel turns out empty: then a thief sifts once more than it need.
    pub(super) fn take_share(
        &self,
        len: usize,
        share: usize,
        local: &mut LocalQueue,
    ) -> Option<Runnable> {
        local.shown.sifted_at.set_back(self.sifted_at());
        let share = match len {
            WORTH_TAKING_ALL.. => usize::MAX,
            _ => share,
        };
        local.fetch(|tray| self.channel.take(share, tray))
    }

    /// Steals from the deques of other workers, beginning with the `start`th: one task to run, and
    /// up to half of the others there, moved into `local`.
    pub(super) fn steal(
        &self,
        thief: WorkerId,
        start: usize,
        local: &mut LocalQueue,
    ) -> Option<Stolen> {
        let first = self.locals.get(start)?.owner;
        let marked = self.board.marked(first.index());
        let stolen = marked
            .filter(|&victim| victim != thief.index())
            .find_map(|victim| self.local_of(victim)?.steal(local));
        local.note_loot(stolen)
    }

    /// Steals from the outboxes, as [`steal`](Queue::steal) does from all deques.
    pub(super) fn steal_from_outboxes(&self, local: &mut LocalQueue) -> Option<Stolen> {
        let mut outboxes = self.locals.iter().filter(|victim| victim.is_outbox);
        let stolen = outboxes.find_map(|outbox| outbox.steal(local));
        local.note_loot(stolen)
    }

    /// Whether the board shows a task in the deque of another worker.
    #[inline]
    pub(super) fn others_have_spare(&self, thief: WorkerId) -> bool {
        self.board.marks_any_but(thief)
    }

    /// How many workers serve this queue with a deque of their own.
    pub(super) fn local_count(&self) -> usize {
        self.locals.len()
    }

    /// Takes a task from any place where one lies, for a runtime that ends.
    pub(super) fn take_any(&self) -> Option<Runnable> {
        let from_worker = |local: &Stealable| local.steal_one().or_else(|| local.shown.next.take());
        self.take()
            .or_else(|| self.locals.iter().find_map(from_worker))
    }

    /// Takes the task out of the next-slot of a worker whose thread is stuck in a poll.
    pub(crate) fn rescue(&self, from: WorkerId) -> Option<Runnable> {
        let next = &self.local_of(from.index())?.shown.next;
        next.is_filled().then(|| next.take())?
    }
}

/// The loot of a theft: one task to run. The others lie in the thief's deque.
#[derive(Debug)]
pub(super) struct Stolen {
    pub(super) runnable: Runnable,
    pub(super) from: WorkerId,
    /// Whether it comes from that worker's outbox.
    pub(super) from_outbox: bool,
    /// The [`SiftMark`] of the victim's deque.
    pub(super) sifted_at: u32,
}

/// One worker's own part of a queue: only that worker pushes and pops.
// On cache lines of its own, as is the worker.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct LocalQueue {
    owner: WorkerId,
    board: Arc<Board>,
    deque: Deque<Runnable>,
    shown: Arc<CachePadded<Shown>>,
    contents: Contents,
    /// How many tasks in a row came from the next-slot: [`MAX_STREAK`] at most.
    streak: u8,
    /// In it, tasks come from a channel. Empty otherwise.
    tray: Ring<Runnable>,
}

/// The contents of a local queue, as far as its worker knows: a set of parts. One that is not in
/// the set is empty; other threads may have emptied the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Contents(u8);

impl Contents {
    const NOTHING: Contents = Contents(0);
    const IN_NEXT_SLOT: Contents = Contents(1);
    const IN_DEQUE: Contents = Contents(2);

    #[inline]
    fn has(self, part: Contents) -> bool {
        self.0 & part.0 != 0
    }

    #[inline]
    fn with(self, part: Contents) -> Contents {
        Contents(self.0 | part.0)
    }

    #[inline]
    fn without(self, part: Contents) -> Contents {
        Contents(self.0 & !part.0)
    }
}

/// The part of a [`LocalQueue`] that other threads see.
#[derive(Debug)]
pub(crate) struct Stealable {
    owner: WorkerId,
    deque: Stealer<Runnable>,
    shown: Arc<CachePadded<Shown>>,
    /// Whether the owner puts tasks there for others alone, and takes none.
    is_outbox: bool,
}

/// Whether other workers have to be told of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Into the empty next-slot: it runs here, next.
    NextSlot,
    /// Into the deque, directly or by displacing the task in the next-slot, as one of [`MANY`] or
    /// more there. Other workers were told of those that lay there already.
    BehindMany,
    /// The same, as one of fewer.
    BehindOthers,
    /// Into the empty deque: no other worker knows of it.
    FirstInDeque,
}

/// A number of tasks that are not all stolen while a store is on its way to other cores (T25): see
/// "The bringer without a fence" in `idle/parking.rs`.
const MANY: usize = 32;

/// After this many tasks in a row from the next-slot, the deque has its turn, and a task that is
/// woken goes to its back. So two tasks that wake each other for ever do not starve the rest. And a
/// service to which many tasks send requests goes behind its callers now and then, and finds the
/// requests of all of them when it runs. tokio has the same number for its slot.
const MAX_STREAK: u8 = 3;

impl LocalQueue {
    /// A worker's side, and the side of all other threads.
    pub(crate) fn new(owner: WorkerId, board: Arc<Board>) -> (LocalQueue, Stealable) {
        let deque = Deque::new_fifo();
        let shown = Arc::new(CachePadded::new(Shown::default()));
        let stealable = Stealable {
            owner,
            deque: deque.stealer(),
            shown: shown.clone(),
            is_outbox: false,
        };
        let local = LocalQueue {
            owner,
            board,
            deque,
            shown,
            contents: Contents::NOTHING,
            streak: 0,
            tray: Ring::new(),
        };
        (local, stealable)
    }

    /// An outbox, and the side of the threads that it is for.
    pub(crate) fn new_outbox(owner: WorkerId, board: Arc<Board>) -> (LocalQueue, Stealable) {
        let (local, mut stealable) = LocalQueue::new(owner, board);
        stealable.is_outbox = true;
        (local, stealable)
    }

    /// Puts a task into the next-slot, whose old occupant goes to the back of the deque. Where
    /// tasks lie in the deque and too many in a row came from the next-slot, the new task goes to
    /// the back of the deque itself.
    #[inline]
    pub(super) fn push_next(&mut self, runnable: Runnable) -> Pushed {
        match self.streak >= MAX_STREAK || self.contents.has(Contents::IN_NEXT_SLOT) {
            true => self.push_next_or_back(runnable),
            false => self.fill_next(runnable),
        }
    }

    /// The rarer cases of [`push_next`](LocalQueue::push_next), apart from it so that the most
    /// frequent one, of a wake-up, is small enough to cost no call (T39).
    #[inline(never)]
    fn push_next_or_back(&mut self, runnable: Runnable) -> Pushed {
        if self.streak >= MAX_STREAK && !self.deque.is_empty() {
            return self.push_back(runnable);
        }
        if !self.contents.has(Contents::IN_NEXT_SLOT) {
            return self.fill_next(runnable);
        }
        match self.shown.next.replace(runnable) {
            None => Pushed::NextSlot,
            Some(displaced) => self.push_back(displaced),
        }
    }

    /// Puts a task into the next-slot, which is empty.
    #[inline]
    fn fill_next(&mut self, runnable: Runnable) -> Pushed {
        self.contents = self.contents.with(Contents::IN_NEXT_SLOT);
        self.shown.next.fill(runnable);
        Pushed::NextSlot
    }

    /// Puts a task that has yielded behind all others. Where there are none it goes into the
    /// next-slot: it runs here at once, so no other worker has to be told (T26).
    #[inline]
    pub(super) fn push_last(&mut self, runnable: Runnable) -> Pushed {
        match self.runs_next_at_once() {
            true => self.push_next(runnable),
            false => self.push_back(runnable),
        }
    }

    /// Whether no other task lies here that would run before one in the next-slot.
    #[inline]
    pub(super) fn runs_next_at_once(&self) -> bool {
        !self.contents.has(Contents::IN_NEXT_SLOT) && self.deque.is_empty()
    }

    /// Puts a task to the back of the deque.
    #[inline]
    pub(super) fn push_back(&mut self, runnable: Runnable) -> Pushed {
        self.deque.push(runnable);
        self.note_deque_filled();
        // Counted after the push: other workers may have stolen the tasks that lay there before.
        match self.deque.len() {
            0..=1 => Pushed::FirstInDeque,
            2..MANY => Pushed::BehindOthers,
            _ => Pushed::BehindMany,
        }
    }

    /// Moves the task in the next-slot to the deque: it is not about to run here after all.
    #[inline]
    pub(super) fn demote_next(&mut self) -> Option<Pushed> {
        let demoted = self.take_next()?;
        Some(self.push_back(demoted))
    }

    /// How many tasks other workers could steal from here.
    pub(super) fn spare(&self) -> usize {
        self.deque.len()
    }

    /// Whether other workers could steal from here.
    pub(super) fn has_spare(&self) -> bool {
        !self.deque.is_empty()
    }

    /// Whether the queue is empty, as far as its worker knows.
    #[inline]
    pub(super) fn is_bare(&self) -> bool {
        self.contents == Contents::NOTHING
    }

    /// Takes the task that is to run next.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Runnable> {
        match self.is_bare() {
            true => None,
            false => self.pop_occupied(),
        }
    }

    #[inline(never)]
    fn pop_occupied(&mut self) -> Option<Runnable> {
        debug_assert!(self.streak <= MAX_STREAK, "{} in a row", self.streak);
        if self.streak < MAX_STREAK
            && let Some(runnable) = self.take_next()
        {
            self.streak += 1;
            return Some(runnable);
        }
        self.streak = 0;
        if let Some(runnable) = self.deque.pop() {
            return Some(runnable);
        }
        self.note_deque_empty();
        self.take_next()
    }

    #[inline]
    fn take_next(&mut self) -> Option<Runnable> {
        if !self.contents.has(Contents::IN_NEXT_SLOT) {
            return None;
        }
        self.contents = self.contents.without(Contents::IN_NEXT_SLOT);
        self.shown.next.take()
    }

    /// Gives the first of the tasks that come in the tray, and moves all others into the deque.
    fn fetch(&mut self, fill: impl FnOnce(&mut Ring<Runnable>)) -> Option<Runnable> {
        let mut tray = mem::take(&mut self.tray);
        fill(&mut tray);
        let first = tray.pop_front();
        self.refill(tray.drain(..));
        channel::shrink(&mut tray);
        self.tray = tray;
        first
    }

    /// Puts tasks into the deque. The caller tells other workers of them.
    pub(super) fn refill(&mut self, tasks: impl IntoIterator<Item = Runnable>) {
        let push = |runnable| self.deque.push(runnable);
        if tasks.into_iter().map(push).count() > 0 {
            self.note_deque_filled();
        }
    }

    /// Notes a theft by this worker, whose other tasks lie in the deque.
    fn note_loot(&mut self, stolen: Option<Stolen>) -> Option<Stolen> {
        if stolen.is_some() && self.has_spare() {
            self.note_deque_filled();
        }
        stolen
    }

    /// Shows that an outbox is empty, if others have emptied it.
    pub(super) fn tidy_outbox(&mut self) {
        if self.contents.has(Contents::IN_DEQUE) && self.deque.is_empty() {
            self.note_deque_empty();
        }
    }

    /// Notes that tasks have been put into the deque, and shows it.
    #[inline]
    fn note_deque_filled(&mut self) {
        if !self.contents.has(Contents::IN_DEQUE) {
            self.contents = self.contents.with(Contents::IN_DEQUE);
            self.board.mark(self.owner);
        }
    }

    /// Notes that the deque was found empty, and shows it.
    #[inline]
    fn note_deque_empty(&mut self) {
        if self.contents.has(Contents::IN_DEQUE) {
            self.contents = self.contents.without(Contents::IN_DEQUE);
            self.board.unmark(self.owner);
        }
    }
}

impl Stealable {
    /// The thief's sift mark is set back first, since other thieves may take the tasks on at once.
    fn steal(&self, into: &LocalQueue) -> Option<Stolen> {
        // Before the theft: the owner may sift between the two.
        let sifted_at = self.shown.sifted_at.get();
        let before = into.shown.sifted_at.set_back(sifted_at);
        let Some(runnable) = insist(|| self.deque.steal_batch_and_pop(&into.deque)) else {
            into.shown.sifted_at.set(before);
            return None;
        };
        Some(Stolen {
            runnable,
            from: self.owner,
            from_outbox: self.is_outbox,
            sifted_at,
        })
    }

    fn steal_one(&self) -> Option<Runnable> {
        insist(|| self.deque.steal())
    }

    /// Takes the task in the next-slot, and those that lie in the deque now.
    fn take_all(&self) -> impl Iterator<Item = Runnable> {
        let next = self.shown.next.is_filled().then(|| self.shown.next.take());
        let others = (0..self.deque.len()).map_while(|_| self.steal_one());
        next.flatten().into_iter().chain(others)
    }
}

/// Steals until that succeeds or there is nothing left. Each retry means that another thread took a
/// task meanwhile, so the loop ends when no task is left.
fn insist(mut steal: impl FnMut() -> Steal<Runnable>) -> Option<Runnable> {
    loop {
        match steal() {
            Steal::Success(runnable) => return Some(runnable),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}

/// The part of a local queue, besides the deque, that other threads see.
#[derive(Debug, Default)]
struct Shown {
    next: NextSlot<Runnable>,
    /// The count of raises at which the worker last sifted the deque. Written by the worker, and
    /// set back when tasks come that were sifted earlier; read by thieves, which inherit it.
    sifted_at: SiftMark,
}

#[cfg(all(test, loom))]
mod model;

#[cfg(test)]
mod tests {
    mod many;

    use std::mem::ManuallyDrop;
    use std::panic::Location;

    use super::*;
    use crate::executor::outcome::TaskHalf;
    use crate::executor::runnable::Origin;
    use crate::executor::tracked;
    use crate::ground::ids::{ExecutorId, QueueId, TaskId};

    fn halves(id: u64) -> (Runnable, TaskHalf<()>) {
        let origin = Origin {
            spawned_at: Location::caller(),
            name: None,
        };
        tracked::halves(async {}, TaskId(id), ExecutorId(0), QueueId::LOW, origin)
    }

    pub(super) fn runnable(id: u64) -> Runnable {
        let (runnable, task) = halves(id);
        task.detach();
        runnable
    }

    pub(super) fn local() -> (LocalQueue, Stealable) {
        LocalQueue::new(WorkerId(0), Arc::new(Board::new(1)))
    }

    /// Another thief may take the tasks on before the first one has noted anything.
    #[test]
    fn a_deque_has_the_older_mark_of_the_tasks_that_were_moved_into_it() {
        let (mut victim, shown) = local();
        let (thief, thief_shown) = local();
        victim.mark_sifted(4);
        thief.mark_sifted(5);
        assert!(shown.steal(&thief).is_none());
        assert_eq!(thief_shown.shown.sifted_at.get(), 5, "nothing was moved");
        (0..4).for_each(|id| _ = victim.push_back(runnable(id)));
        assert!(shown.steal(&thief).is_some());
        assert_eq!(thief_shown.shown.sifted_at.get(), 4);

        let (mut taker, _) = local();
        taker.mark_sifted(1);
        let queue = Queue::new(
            "low",
            1,
            Arc::new(Board::new(1)),
            Box::new([]),
            Box::new([]),
        );
        (0..4).for_each(|id| queue.push(runnable(id)));
        assert!(queue.take_share(4, 4, &mut taker).is_some());
        assert_eq!(taker.shown.sifted_at.get(), 0);
    }

    /// The tasks that lay there before have it as well.
    #[test]
    fn a_deque_keeps_its_own_mark_where_that_is_the_older_one() {
        let (mut victim, shown) = local();
        let (thief, thief_shown) = local();
        victim.mark_sifted(5);
        thief.mark_sifted(u32::MAX);
        (0..4).for_each(|id| _ = victim.push_back(runnable(id)));
        assert!(shown.steal(&thief).is_some());
        let mark = thief_shown.shown.sifted_at.get();
        assert_eq!(mark, u32::MAX, "counts wrap around");
    }

    /// If not, every step would take one of a few locks that all cells of the process share.
    #[test]
    fn a_next_slot_is_one_word_without_a_lock() {
        type Cell = crossbeam_utils::atomic::AtomicCell<Option<ManuallyDrop<Runnable>>>;
        assert!(Cell::is_lock_free());
    }

    #[test]
    fn a_task_left_in_a_next_slot_is_dropped_with_it() {
        let (mut local, shown) = local();
        let (left, handle) = halves(1);
        assert_eq!(local.push_next(left), Pushed::NextSlot);
        assert!(!handle.is_finished());
        drop((local, shown));
        assert!(handle.is_finished());
    }

    fn pop(local: &mut LocalQueue) -> Option<u64> {
        local.pop().map(|runnable| runnable.metadata().id.0)
    }

    #[test]
    fn after_three_in_a_row_the_next_goes_behind_the_tasks_that_wait() {
        let (mut local, _shown) = local();
        local.push_back(runnable(10));
        local.push_back(runnable(11));
        for id in 1..=3 {
            local.push_next(runnable(id));
            assert_eq!(pop(&mut local), Some(id));
        }
        local.push_next(runnable(4));
        let left: Vec<u64> = std::iter::from_fn(|| pop(&mut local)).collect();
        assert_eq!(left, [10, 11, 4]);
    }

    #[test]
    fn a_task_that_yields_alone_runs_next_and_no_worker_is_told() {
        let (mut local, _shown) = local();
        for id in 1..=10 {
            assert_eq!(local.push_last(runnable(id)), Pushed::NextSlot);
            assert!(!local.has_spare());
            assert_eq!(pop(&mut local), Some(id));
        }
        local.push_next(runnable(11));
        assert_eq!(local.push_last(runnable(12)), Pushed::FirstInDeque);
        let left: Vec<u64> = std::iter::from_fn(|| pop(&mut local)).collect();
        assert_eq!(left, [11, 12]);
    }

    #[test]
    fn a_task_behind_which_none_waits_stays_out_of_the_thieves_sight() {
        let (mut local, _shown) = local();
        for id in 1..=10 {
            assert_eq!(local.push_next(runnable(id)), Pushed::NextSlot);
            assert!(!local.has_spare());
            assert_eq!(pop(&mut local), Some(id));
        }
    }
}
