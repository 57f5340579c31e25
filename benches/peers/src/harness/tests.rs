//! Whether every workload runs all of its tasks, in both forms.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;

use super::{Exercise, Form};
use crate::executors::flume_pool::FlumePool;
use crate::executors::{Executor, Lane, Yields};
use crate::peer::Peer;
use crate::workloads::{EMPTY_TASKS, LINKS, PAIRS, WAITS, Workload, YIELDING_TASKS, YIELDS};

/// A pool of one thread that counts what it is given to do.
struct Counting {
    pool: &'static FlumePool,
    spawned: AtomicUsize,
    begun: AtomicUsize,
    polls: AtomicUsize,
    waits: AtomicUsize,
}

impl Counting {
    fn start() -> &'static Counting {
        Box::leak(Box::new(Counting {
            pool: Box::leak(Box::new(FlumePool::start(1))),
            spawned: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            waits: AtomicUsize::new(0),
        }))
    }

    /// Counts before each poll: the counts are complete when the last task tells of its end.
    async fn counted<F: Future>(&self, future: F) -> F::Output {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.polls.fetch_add(1, Ordering::Relaxed);
            future.as_mut().poll(cx)
        })
        .await
    }
}

impl Executor for Counting {
    type Task<T: Send + 'static> = async_task::Task<T>;

    fn spawn<F>(&'static self, lane: Lane, future: F) -> async_task::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawned.fetch_add(1, Ordering::Relaxed);
        self.pool.spawn(lane, self.counted(future))
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.pool.block_on(future)
    }
}

impl Yields for Counting {}

fn all() -> impl Iterator<Item = (Form, Exercise)> {
    let exercises = |&form: &Form| {
        let all = Exercise::value_variants().iter().copied();
        all.map(move |exercise| (form, exercise))
    };
    Form::value_variants().iter().flat_map(exercises)
}

/// All tasks of an exercise.
fn tasks(exercise: Exercise) -> usize {
    match exercise {
        Exercise::SpawnMany => EMPTY_TASKS,
        Exercise::SpawnInside => 1 + EMPTY_TASKS,
        Exercise::YieldMany | Exercise::YieldWake | Exercise::YieldOwn => YIELDING_TASKS,
        Exercise::PingPong => 1 + 2 * PAIRS,
        Exercise::Chain => 1 + LINKS,
        Exercise::SpawnAndWait => WAITS,
    }
}

/// Runs it on a thread of its own: one that waits for a task too many fails instead of hanging.
fn ends<T: Send + 'static>(
    form: Form,
    exercise: Exercise,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (end, ended) = mpsc::channel();
    thread::spawn(move || end.send(run()));
    let result = ended.recv_timeout(Duration::from_secs(60));
    result.unwrap_or_else(|_| panic!("{form:?} {exercise:?} does not come to its end"))
}

/// How often a thread waits in the executor's `block_on`.
fn waits(form: Form, exercise: Exercise) -> usize {
    match (form, exercise) {
        (Form::Detached, _) => 0,
        (Form::Awaited, Exercise::SpawnAndWait) => WAITS,
        (Form::Awaited, _) => 1,
    }
}

#[test]
fn every_exercise_runs_all_of_its_tasks_in_both_forms() {
    for (form, exercise) in all() {
        let on = Counting::start();
        ends(form, exercise, move || exercise.run(form, on));
        let counts = [&on.spawned, &on.begun, &on.waits].map(|n| n.load(Ordering::Relaxed));
        let tasks = tasks(exercise);
        let expected = [tasks, tasks, waits(form, exercise)];
        assert_eq!(counts, expected, "{form:?} {exercise:?}");
        if exercise.workload() == Workload::YieldMany {
            let polls = on.polls.load(Ordering::Relaxed);
            assert_eq!(polls, tasks * (YIELDS + 1), "{form:?} {exercise:?}");
        }
    }
}

#[test]
fn every_executor_comes_to_the_end_of_every_exercise_in_both_forms() {
    for peer in Peer::EXECUTORS {
        let subject = peer.start(2);
        for (form, exercise) in all() {
            let took = ends(form, exercise, move || subject.time(form, exercise));
            assert!(!took.is_zero(), "{peer:?} {form:?} {exercise:?}");
        }
    }
}
