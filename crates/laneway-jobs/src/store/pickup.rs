//! Where inserts wait for a claimer at rest, which takes them along with its next claim.
//!
//! A job that is enqueued beside an idle worker would be committed twice before it starts, by its
//! insert and by its claim. So a claimer at rest opens a pickup; a caller that finds it open hands
//! its jobs over instead of inserting them, and the claimer inserts and claims in one transaction.
//!
//! The way of a job: *handed over* by the caller, then *picked up* by the claimer, which answers
//! after the commit. Before the claimer picks it up the caller may take it back, and does so when
//! that takes long: a worker whose threads are all blocked holds up no insert. Without an answer
//! the caller inserts by itself: the ids make that safe, whatever the claimer has done.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::or;
use laneway::time::sleep;

use super::insert::{Due, Enqueued, NewJob};
use crate::bell::Bell;
use crate::job_id::JobId;
use crate::lock::unpoisoned;

/// A caller takes its jobs back after this time.
const PATIENCE: Duration = Duration::from_millis(5);
/// The most jobs that are handed over: the claimer waits for their insert.
const MOST: usize = 64;

/// Where a claimer picks up inserts for its queue.
#[derive(Debug)]
pub(crate) struct Pickup {
    state: Mutex<State>,
    bell: Bell,
}

#[derive(Debug)]
enum State {
    /// The claimer is at work.
    Closed,
    /// The claimer is at rest.
    Open,
    /// Jobs are handed over.
    Waiting(PickedUp),
}

/// Jobs to be inserted, and the way back.
#[derive(Debug)]
pub(crate) struct PickedUp {
    jobs: Vec<NewJob>,
    answer: flume::Sender<Vec<Enqueued>>,
}

/// The caller's side: jobs that are handed over.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pickup: Arc<Pickup>,
    first: JobId,
    answer: flume::Receiver<Vec<Enqueued>>,
}

impl Default for Pickup {
    fn default() -> Pickup {
        Pickup {
            state: Mutex::new(State::Closed),
            bell: Bell::default(),
        }
    }
}

impl Pickup {
    pub(crate) fn open(&self) {
        let mut state = unpoisoned(self.state.lock());
        if matches!(*state, State::Closed) {
            *state = State::Open;
        }
    }

    /// Takes nothing more, and gives what was handed over. Dropped, it goes back to its caller.
    pub(crate) fn close(&self) -> Option<PickedUp> {
        let state = std::mem::replace(&mut *unpoisoned(self.state.lock()), State::Closed);
        match state {
            State::Waiting(picked_up) => Some(picked_up),
            State::Closed | State::Open => None,
        }
    }

    /// Waits until jobs have been handed over; it may end for nothing.
    ///
    /// # Cancellation
    ///
    /// Jobs that were handed over stay.
    pub(crate) async fn rung(&self) {
        self.bell.hear().await;
    }

    /// `None` where it is not open, or jobs wait already.
    pub(super) fn hand_over(self: &Arc<Self>, jobs: &[NewJob]) -> Option<HandedOver> {
        let first = jobs.first()?.id;
        let mut state = unpoisoned(self.state.lock());
        if !matches!(*state, State::Open) {
            return None;
        }
        let (answer, answered) = flume::bounded(1);
        let jobs = jobs.to_vec();
        *state = State::Waiting(PickedUp { jobs, answer });
        drop(state);
        self.bell.ring();
        Some(HandedOver {
            pickup: self.clone(),
            first,
            answer: answered,
        })
    }

    /// `None` where the claimer was faster.
    fn take_back(&self, first: JobId) -> Option<PickedUp> {
        let mut state = unpoisoned(self.state.lock());
        let own = matches!(&*state, State::Waiting(waiting) if waiting.jobs[0].id == first);
        if !own {
            return None;
        }
        match std::mem::replace(&mut *state, State::Open) {
            State::Waiting(picked_up) => Some(picked_up),
            State::Closed | State::Open => None,
        }
    }
}

impl PickedUp {
    pub(crate) fn jobs(&self) -> Vec<NewJob> {
        self.jobs.clone()
    }

    /// After the commit.
    pub(crate) fn answer(self, enqueued: Vec<Enqueued>) {
        // A caller that has gone asks for no answer.
        let _ = self.answer.try_send(enqueued);
    }
}

impl HandedOver {
    /// `None` where the caller has to insert the jobs by itself: they were taken back, or what
    /// became of them is not known.
    pub(crate) async fn answered(self) -> Option<Vec<Enqueued>> {
        let answered = async { self.answer.recv_async().await.ok() };
        let late = async {
            sleep(PATIENCE).await;
            match self.pickup.take_back(self.first) {
                Some(_) => None,
                None => self.answer.recv_async().await.ok(),
            }
        };
        or(answered, late).await
    }
}

/// The queue of jobs that a claimer may take along: they are due, and their insert waits for no
/// other transaction.
pub(super) fn queue_of(jobs: &[NewJob]) -> Option<&str> {
    let queue = &jobs.first()?.queue;
    let may = |job: &NewJob| job.queue == *queue && job.due == Due::Now && job.is_plain();
    (jobs.len() <= MOST && jobs.iter().all(may)).then_some(queue)
}

#[cfg(test)]
mod tests {
    use laneway::sim::Sim;
    use laneway::{Handle, Priority};

    use super::*;
    use crate::conformance::Stage;
    use crate::sqlite::SqliteStore;

    #[test]
    fn jobs_are_taken_back_from_a_claimer_that_does_not_come_and_from_no_other() {
        let run = Sim::seed(0).run(async {
            let stage = Stage::new(SqliteStore::memory().unwrap());
            let jobs = [stage.job("a")];
            let pickup = Arc::new(Pickup::default());
            assert!(pickup.hand_over(&jobs).is_none(), "it is closed");
            pickup.open();
            let handed_over = pickup.hand_over(&jobs).unwrap();
            assert!(handed_over.answered().await.is_none());
            let handed_over = pickup.hand_over(&jobs).unwrap();
            let picked_up = pickup.close().unwrap();
            let answer = async move {
                sleep(100 * PATIENCE).await;
                picked_up.answer(Vec::new());
            };
            let task = Handle::current().spawn(answer, Priority::Low);
            assert!(handed_over.answered().await.is_some());
            task.await;
        });
        run.unwrap();
    }

    #[test]
    fn a_caller_that_comes_too_late_takes_back_nothing_of_another() {
        let run = Sim::seed(0).run(async {
            let stage = Stage::new(SqliteStore::memory().unwrap());
            let pickup = Arc::new(Pickup::default());
            let answered = |handed_over: HandedOver| {
                Handle::current().spawn(handed_over.answered(), Priority::Low)
            };
            pickup.open();
            let late = answered(pickup.hand_over(&[stage.job("a")]).unwrap());
            sleep(PATIENCE / 2).await;
            let picked_up = pickup.close().unwrap();
            // At rest again, where another caller hands over before the first looks.
            pickup.open();
            let other = answered(pickup.hand_over(&[stage.job("b")]).unwrap());
            sleep(PATIENCE * 3 / 4).await;
            let others = pickup
                .close()
                .expect("they lie where they were handed over");
            sleep(PATIENCE).await;
            let jobs = [stage.job("c")];
            assert!(pickup.hand_over(&jobs).is_none(), "the claimer is at work");
            picked_up.answer(Vec::new());
            others.answer(Vec::new());
            assert!(late.await.is_some() && other.await.is_some());
        });
        run.unwrap();
    }
}
