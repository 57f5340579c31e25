//! The queue between the handles and the background.
//!
//! Every call enters it at once, also one that waits for room: its request lies in memory in either
//! case, and a caller that awaits a reply does not care what it waits for. The bound decides which
//! calls may be left unattended: [`try_call`](super::ServiceHandle::try_call) is refused while as
//! many as the bound, or more, wait. So no call waits in a line of its own for room, and none is
//! forgotten at the end. Urgent calls go before the others (`call_order.rs`).
//!
//! A mailbox knows exchanges and wakers; it calls no handler.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crossbeam_utils::CachePadded;

use super::abandoned::Abandoned;
use super::call_error::CallError;
use super::call_order::{CallOrder, TwoLines, Urgency};
use super::close_reason::CloseReason;
use super::exchange::{Exchange, SharedExchange};
use super::loan::{AfterLending, Loan};
use super::service_metrics::ServiceMetrics;
use crate::ground::loans::Borrower;
use crate::ground::shield::{drop_shielded, shielded};
use crate::ground::sync::unpoisoned;
use crate::ground::waker::keep;

/// After this many requests the background lets others have its thread.
const REQUESTS_PER_POLL: u32 = 64;

/// The queue's room for this many calls is kept when it is empty.
const KEPT_CAPACITY: usize = 1024;

/// The state that all handles and the background share.
pub(super) struct Mailbox<Req, Res> {
    post: CachePadded<Mutex<Post<Req, Res>>>,
    /// The most requests that may wait without a caller that awaits them.
    bound: Option<usize>,
    call_order: CallOrder,
    urgent: CachePadded<UrgentCalls>,
    handles: AtomicUsize,
    /// On a line of their own: the background writes here while callers lock the post.
    pub(super) counts: CachePadded<CallCounts>,
}

struct Post<Req, Res> {
    queue: TwoLines<SharedExchange<Req, Res>>,
    admission: Admission,
    /// Calls that have ever entered.
    entered: u64,
    /// Calls given up since the queue was last swept.
    given_up: usize,
    /// Of the background while it waits for a call.
    background: Option<Waker>,
    loan: Loan,
}

/// The counts that the background looks at between two requests. Written for urgent calls only.
#[derive(Debug, Default)]
struct UrgentCalls {
    /// In the queue. Written under the post's lock.
    queued: AtomicUsize,
    /// Ever since. Written under the post's lock.
    entered: AtomicU64,
    /// Of these, replied to. Written by the background.
    replied: AtomicU64,
    /// Of these, given up in the queue. Written by callers.
    given_up: AtomicU64,
    /// Other calls that high tasks wait for now. Written by callers.
    awaited: AtomicUsize,
    /// Whether the loan stands. Written under the post's lock.
    lent: AtomicBool,
}

impl UrgentCalls {
    /// Notes one more, under the post's lock.
    fn enter(&self) {
        let queued = self.queued.load(Ordering::Relaxed);
        self.queued.store(queued + 1, Ordering::Relaxed);
        count(&self.entered);
    }

    /// Whether each one was replied to or given up, and no high task waits for another call.
    fn are_over(&self) -> bool {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        read(&self.replied) + read(&self.given_up) >= read(&self.entered) && !self.is_awaited()
    }

    fn is_awaited(&self) -> bool {
        if self.awaited.load(Ordering::Relaxed) == 0 {
            return false;
        }
        // Pairs with the fence in `is_awaited_no_more`: either the background sees here that the
        // last awaiter is gone, or that awaiter sees each reply to an urgent call.
        fence(Ordering::SeqCst);
        self.awaited.load(Ordering::Relaxed) != 0
    }
}

/// Which calls may enter.
#[derive(Clone, Debug)]
enum Admission {
    Open,
    /// No new ones; those inside are served.
    Closing(CloseReason),
    /// The background is gone.
    Closed(CloseReason),
}

impl Admission {
    /// Why it is not open.
    fn reason(&self) -> Option<&CloseReason> {
        match self {
            Admission::Open => None,
            Admission::Closing(reason) | Admission::Closed(reason) => Some(reason),
        }
    }
}

/// Written by the background alone, except where another is named.
#[derive(Debug, Default)]
pub(super) struct CallCounts {
    pub(super) taken: AtomicU64,
    pub(super) completed: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) abandoned: AtomicU64,
    pub(super) restarts: AtomicU64,
    /// Written by callers.
    skipped: AtomicU64,
}

/// Counts one more, where there is one writer only.
pub(super) fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Why a call did not enter.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    Busy,
    Closed(CloseReason),
}

/// Whether a call has a more urgent awaiter than it had when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    AsMade,
    /// Counted in the mailbox, until [`Mailbox::is_awaited_no_more`].
    ByHighTask,
}

/// Whether a call is awaited while it waits for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    WaitsForRoom,
    NeedsRoom,
}

impl<Req, Res> Mailbox<Req, Res> {
    /// A mailbox with one handle.
    pub(super) fn new(bound: Option<usize>, call_order: CallOrder) -> Arc<Mailbox<Req, Res>> {
        let post = Post {
            queue: TwoLines::new(),
            admission: Admission::Open,
            entered: 0,
            given_up: 0,
            background: None,
            loan: Loan::default(),
        };
        Arc::new(Mailbox {
            post: CachePadded::new(Mutex::new(post)),
            bound,
            call_order,
            urgent: CachePadded::default(),
            handles: AtomicUsize::new(1),
            counts: CachePadded::new(CallCounts::default()),
        })
    }

    /// Lets a call in, if new ones are admitted.
    pub(super) fn enter(
        &self,
        exchange: &mut SharedExchange<Req, Res>,
        caller: Option<&Waker>,
        patience: Patience,
    ) -> Result<(), Refused> {
        // Before the lock, which is held for a moment only: callers on all threads want it.
        let urgency = self.call_order.of_caller();
        Exchange::address(exchange, urgency, caller.cloned());
        let entering = exchange.clone();
        let mut post = self.lock();
        if let Err(refused) = self.admit(&post, patience) {
            drop(post);
            return Err(refused);
        }
        post.queue.push(urgency, entering);
        post.entered += 1;
        let after_lending = match urgency {
            Urgency::Urgent => self.urgent_call_entered(&mut post),
            Urgency::Usual => AfterLending::Nothing,
        };
        let background = post.background.take();
        // Unlock before waking: the background's first act is to take this lock.
        drop(post);
        match background {
            None => after_lending.wake(),
            background => wake(background),
        }
        // The task may have been in the low queue before, for a handler that waits no longer.
        after_lending.find();
        Ok(())
    }

    fn urgent_call_entered(&self, post: &mut Post<Req, Res>) -> AfterLending {
        self.urgent.enter();
        let after_lending = post.loan.lend();
        self.note_loan(post);
        after_lending
    }

    /// Called for a call that waits, each time that its awaiter has found it pending. One that was
    /// made as a usual call may have come to be awaited by a high task: its own was raised, or
    /// another task holds the [`Reply`](super::Reply). The call keeps its place in its line.
    pub(super) fn note_awaiter(&self, urgency: Urgency, awaited: &mut Awaited) {
        let is_news = (urgency, *awaited) == (Urgency::Usual, Awaited::AsMade);
        if is_news && self.call_order.of_caller() == Urgency::Urgent {
            *awaited = Awaited::ByHighTask;
            self.lend_for_awaiter();
        }
    }

    #[cold]
    fn lend_for_awaiter(&self) {
        let mut post = self.lock();
        self.urgent.awaited.fetch_add(1, Ordering::Relaxed);
        let after_lending = post.loan.lend();
        self.note_loan(&post);
        // Unlock before waking: the background's first act may be to take this lock.
        drop(post);
        after_lending.wake();
        after_lending.find();
    }

    /// Called for a call that has its reply or is given up.
    #[inline]
    pub(super) fn is_awaited_no_more(&self, awaited: &mut Awaited) {
        if mem::replace(awaited, Awaited::AsMade) == Awaited::ByHighTask {
            self.urgent.awaited.fetch_sub(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            self.end_loan();
        }
    }

    /// Called by the background for each call that it has taken, at its end.
    pub(super) fn replied(&self, urgency: Urgency) {
        if urgency == Urgency::Urgent {
            count(&self.urgent.replied);
        }
    }

    /// Whether priority is lent, though no urgent call is left.
    #[inline]
    pub(super) fn loan_is_over(&self) -> bool {
        self.urgent.lent.load(Ordering::Relaxed) && self.urgent.are_over()
    }

    /// Takes back what was lent, if no urgent call has come meanwhile.
    #[cold]
    pub(super) fn end_loan(&self) {
        let mut post = self.lock();
        if self.loan_is_over() {
            post.loan.take_back();
            self.note_loan(&post);
        }
    }

    /// Notes that the background is polled in this task from now on.
    #[cold]
    pub(super) fn is_in(&self, borrower: Option<Borrower>) {
        let mut post = self.lock();
        post.loan.is_in(borrower);
        if !self.urgent.are_over() {
            // It is being polled, and need not be woken.
            post.loan.lend();
        }
        self.note_loan(&post);
    }

    fn note_loan(&self, post: &Post<Req, Res>) {
        self.urgent
            .lent
            .store(post.loan.stands(), Ordering::Relaxed);
    }

    fn admit(&self, post: &Post<Req, Res>, patience: Patience) -> Result<(), Refused> {
        if let Some(reason) = post.admission.reason() {
            return Err(Refused::Closed(reason.clone()));
        }
        match self.bound {
            Some(bound) if patience == Patience::NeedsRoom && self.waiting(post) >= bound => {
                Err(Refused::Busy)
            }
            _ => Ok(()),
        }
    }

    /// Calls that wait for the handler. None do once the background is gone: all have been told.
    fn waiting(&self, post: &Post<Req, Res>) -> usize {
        if let Admission::Closed(_) = post.admission {
            return 0;
        }
        let taken = self.counts.taken.load(Ordering::Relaxed);
        let skipped = self.counts.skipped.load(Ordering::Relaxed);
        let waiting = post.entered.saturating_sub(taken).saturating_sub(skipped);
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// Called for a call that was given up in the queue. Its exchange is empty; when most are, they
    /// are thrown out, so that callers that lose patience with a handler that hangs do not fill
    /// the memory.
    pub(super) fn given_up_in_queue(&self, urgency: Urgency) {
        if urgency == Urgency::Urgent {
            self.urgent.given_up.fetch_add(1, Ordering::Relaxed);
        }
        self.counts.skipped.fetch_add(1, Ordering::Relaxed);
        let mut post = self.lock();
        post.given_up += 1;
        if post.given_up > 32 + post.queue.len() / 2 {
            post.given_up = 0;
            post.queue.retain(|exchange| !exchange.is_over());
            post.queue.shrink_to(KEPT_CAPACITY);
        }
        // It may have been the last call that the background had to stay for.
        let background = match post.admission {
            Admission::Open => None,
            Admission::Closing(_) | Admission::Closed(_) => post.background.take(),
        };
        drop(post);
        wake(background);
    }

    pub(super) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_handle(&self) {
        // AcqRel: the thread that removes the last one has seen what was done by all the others.
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close_admission(CloseReason::ByHandle);
        }
    }

    /// Lets no request in any more. The background ends when it has served those inside.
    pub(super) fn close_admission(&self, reason: CloseReason) {
        let mut post = self.lock();
        if let Admission::Open = post.admission {
            post.admission = Admission::Closing(reason);
        }
        let background = post.background.take();
        drop(post);
        wake(background);
    }

    /// Whether no calls are admitted because the runtime shuts down.
    pub(super) fn shuts_down(&self) -> bool {
        self.lock().admission.reason() == Some(&CloseReason::ShutDown)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().admission.reason().is_some()
    }

    pub(super) fn metrics(&self) -> ServiceMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The ends first: what is counted as ended is then counted as taken too, but for what the
        // reordering of relaxed loads may do.
        let (completed, lost) = (read(&self.counts.completed), read(&self.counts.lost));
        let abandoned = read(&self.counts.abandoned);
        let in_flight = read(&self.counts.taken).saturating_sub(completed + lost + abandoned);
        let waiting = self.waiting(&self.lock());
        let queued = waiting.min(self.bound.unwrap_or(usize::MAX));
        ServiceMetrics {
            queued,
            waiting_for_room: waiting - queued,
            in_flight: usize::try_from(in_flight).unwrap_or(usize::MAX),
            completed,
            lost,
            abandoned,
            skipped: read(&self.counts.skipped),
            restarts: read(&self.counts.restarts),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Post<Req, Res>> {
        // Of the user's code only a waker's `clone` runs under the lock, and nothing is half done
        // then.
        unpoisoned(self.post.lock())
    }
}

fn wake(background: Option<Waker>) {
    if let Some(background) = background {
        shielded("the waker of a background", || background.wake());
    }
}

/// A request, and the exchange for its reply.
pub(super) type AcceptedCall<Req, Res> = (Req, SharedExchange<Req, Res>);

/// The background's end of the mailbox. Dropped, it tells every caller that is left.
pub(super) struct Inbox<Req, Res> {
    mailbox: Arc<Mailbox<Req, Res>>,
    /// Taken from the queue all at once.
    batch: TwoLines<SharedExchange<Req, Res>>,
    /// Slots looked at since the last yield.
    spent: u32,
    waker: LeftWaker,
    abandoned: Abandoned,
    /// The reason that callers who are left get at the end.
    end: CloseReason,
}

/// Whether the waker of this very poll was left when the batch was taken. Then the end of the
/// batch needs no look at the queue: a call that has come since has woken the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeftWaker {
    InThisPoll,
    No,
}

impl<Req, Res> Inbox<Req, Res> {
    pub(super) fn new(mailbox: Arc<Mailbox<Req, Res>>, abandoned: Abandoned) -> Inbox<Req, Res> {
        Inbox {
            mailbox,
            batch: TwoLines::new(),
            spent: 0,
            waker: LeftWaker::No,
            abandoned,
            end: CloseReason::Dropped,
        }
    }

    pub(super) fn mailbox(&self) -> Arc<Mailbox<Req, Res>> {
        self.mailbox.clone()
    }

    pub(super) fn abandoned(&self) -> Abandoned {
        self.abandoned
    }

    /// Ends what the background's end of the mailbox is for.
    pub(super) fn end(mut self, reason: CloseReason) {
        self.end = reason;
    }

    /// The next request. `None`: no request is left inside, and none can enter.
    ///
    /// Pending, with a wake-up on its way, after [`REQUESTS_PER_POLL`] requests: the thread is for
    /// others, too.
    #[inline]
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<AcceptedCall<Req, Res>>> {
        loop {
            if !self.batch.is_empty() && self.spent >= REQUESTS_PER_POLL {
                return self.come_again(cx);
            }
            if !self.batch.is_empty() && self.mailbox.loan_is_over() {
                // The rest is no high work. The task is polled as a low one next.
                return self.come_again(cx);
            }
            if !self.batch.is_empty() && self.mailbox.urgent.queued.load(Ordering::Relaxed) > 0 {
                self.take_urgent();
            }
            let Some(exchange) = self.batch.pop() else {
                if self.waker == LeftWaker::InThisPoll {
                    self.suspend();
                    return Poll::Pending;
                }
                match self.refill(cx) {
                    Refilled::Some => continue,
                    Refilled::Waits => return Poll::Pending,
                    Refilled::Over => return Poll::Ready(None),
                }
            };
            self.spent += 1;
            if let Some(request) = exchange.take() {
                count(&self.mailbox.counts.taken);
                return Poll::Ready(Some((request, exchange)));
            }
        }
    }

    /// Leaves the background pending, with a wake-up on its way.
    #[cold]
    fn come_again<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.suspend();
        // An urgent call that found a waker would wake the task, which is queued already, instead
        // of having it looked for in the low queue.
        let left = self.mailbox.lock().background.take();
        drop_shielded(left);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// To be called whenever the background is left pending: the next poll may come with another
    /// waker.
    pub(super) fn suspend(&mut self) {
        self.spent = 0;
        self.waker = LeftWaker::No;
    }

    /// Ready when no request is left inside that a caller waits for, and none can enter.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.suspend();
            self.batch.retain(|exchange| !exchange.is_over());
            if !self.batch.is_empty() {
                self.leave_waker(cx);
                return Poll::Pending;
            }
            match self.refill(cx) {
                // Their callers may have given up.
                Refilled::Some => continue,
                Refilled::Waits => {
                    self.suspend();
                    return Poll::Pending;
                }
                Refilled::Over => return Poll::Ready(()),
            }
        }
    }

    /// Has the background woken when admission closes, and by each caller that gives up after that.
    fn leave_waker(&self, cx: &mut Context<'_>) {
        let replaced = keep(&mut self.mailbox.lock().background, cx.waker());
        // After unlocking: it may be the last of a task.
        drop(replaced);
    }

    /// Takes the urgent calls that have come since the batch was taken. The caller of one has
    /// woken the background as well.
    #[cold]
    fn take_urgent(&mut self) {
        let mut post = self.mailbox.lock();
        self.batch.take_in(&mut post.queue);
        self.mailbox.urgent.queued.store(0, Ordering::Relaxed);
    }

    #[inline(never)]
    fn refill(&mut self, cx: &mut Context<'_>) -> Refilled {
        self.batch.shrink_to(KEPT_CAPACITY);
        let mut post = self.mailbox.lock();
        self.batch.take_in(&mut post.queue);
        self.mailbox.urgent.queued.store(0, Ordering::Relaxed);
        post.given_up = 0;
        let refilled = match (self.batch.is_empty(), &post.admission) {
            (true, Admission::Open) => Refilled::Waits,
            (true, _) => return Refilled::Over,
            // No caller will come and wake it: the end of the batch has to look again.
            (false, Admission::Closing(_) | Admission::Closed(_)) => return Refilled::Some,
            (false, Admission::Open) => {
                self.waker = LeftWaker::InThisPoll;
                Refilled::Some
            }
        };
        let replaced = keep(&mut post.background, cx.waker());
        // Unlock before dropping what may be the last of a task.
        drop(post);
        drop(replaced);
        refilled
    }
}

enum Refilled {
    Some,
    Waits,
    Over,
}

impl<Req, Res> Drop for Inbox<Req, Res> {
    fn drop(&mut self) {
        let mut post = self.mailbox.lock();
        let reason = post.admission.reason().unwrap_or(&self.end);
        post.admission = Admission::Closed(reason.clone());
        let queue = mem::replace(&mut post.queue, TwoLines::new());
        // A waker keeps its task's memory, and the handles keep the mailbox.
        let background = post.background.take();
        post.loan.is_in(None);
        self.mailbox.note_loan(&post);
        // Unlock before dropping what may be the last of a task.
        drop(post);
        drop_shielded(background);
        let batch = mem::replace(&mut self.batch, TwoLines::new());
        for exchange in batch.into_iter().chain(queue) {
            Exchange::reply(exchange, Err(CallError::Closed(self.end.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_of_callers_that_gave_up_are_swept_out() {
        let mailbox = Mailbox::<u8, u8>::new(None, CallOrder::default());
        let enter = || {
            let mut exchange = Exchange::new(0);
            let entered = mailbox.enter(&mut exchange, None, Patience::WaitsForRoom);
            entered.expect("the admission is open");
            exchange
        };
        let stays = enter();
        for _ in 0..10_000 {
            enter().give_up();
            mailbox.given_up_in_queue(Urgency::Usual);
            assert!(mailbox.lock().queue.len() < 100);
        }
        assert!(!stays.is_over());
        assert_eq!(mailbox.metrics().queued, 1);
    }
}
