//! The pool of blocking threads under the model checker: no closure waits for a thread that is
//! asleep or has left.
//!
//! Threads that leave do so at any moment at which their time may be over. A closure that nobody
//! runs shows as a deadlock, since somebody awaits it, and loom reports that.

use std::panic::Location;
use std::pin::pin;

use super::*;
use crate::ground::sync::check;
use crate::runtime::block_here;

/// Threads that stay for a number of closures and never leave before.
fn stay_for<const JOBS: usize>(pool: Arc<Pool>, name: String) -> io::Result<()> {
    let thread = thread::Builder::new().name(name);
    let serve = move || {
        for _ in 0..JOBS {
            pool.next_job().expect("it waits for ever")();
        }
    };
    thread.spawn(serve).map(drop)
}

/// Threads that, when their time is over, leave without a look at whether they were told to come.
fn leave_without_a_look(pool: Arc<Pool>, name: String) -> io::Result<()> {
    let thread = thread::Builder::new().name(name);
    let next_job = |pool: &Pool| {
        let mut state = pool.lock();
        let job = state.queue.pop_first().map(|(_ticket, job)| job);
        if job.is_none() {
            let here = thread::current();
            state.idle.push(here.clone());
            drop(state);
            thread::park_timeout(Duration::ZERO);
            let mut state = pool.lock();
            state.idle.retain(|idle| idle.id() != here.id());
            state.threads -= 1;
        }
        job
    };
    let serve = move || {
        while let Some(job) = next_job(&pool) {
            job();
        }
    };
    thread.spawn(serve).map(drop)
}

/// Threads that unlock between their look at the queue and going idle.
fn rest_too_late<const JOBS: usize>(pool: Arc<Pool>, name: String) -> io::Result<()> {
    let thread = thread::Builder::new().name(name);
    let serve = move || {
        for _ in 0..JOBS {
            let job = pool.take_next();
            let job = job.or_else(|| {
                drop(pool.rest(pool.lock()));
                pool.take_next()
            });
            job.expect("it was told to come")();
        }
    };
    thread.spawn(serve).map(drop)
}

/// Two closures are given by two threads, each of which waits for its own.
fn give_two(max_threads: usize, keep_idle: Duration, launch: Launch) {
    let pool = Pool::new(max_threads, keep_idle, launch);
    let give = |pool: &Arc<Pool>, n: u32| {
        let given = pool.hand_over(move || n, Location::caller());
        assert_eq!(block_here(pin!(given)), n);
    };
    let other = pool.clone();
    let giver = loom::thread::spawn(move || give(&other, 1));
    give(&pool, 2);
    giver.join().expect("nothing panics in the model");
    assert_eq!(pool.waiting(), 0);
}

/// A closure is given and awaited, then another, while the thread of the first may be leaving.
fn give_one_after_the_other(launch: Launch) {
    let pool = Pool::new(1, Duration::ZERO, launch);
    for n in [1, 2] {
        let given = pool.hand_over(move || n, Location::caller());
        assert_eq!(block_here(pin!(given)), n);
    }
}

/// A closure is cancelled while a thread may be taking it, and another comes behind it.
fn cancel_one_of_two() {
    let pool = Pool::new(1, Duration::ZERO, start_thread);
    drop(pool.hand_over(|| 1, Location::caller()));
    let given = pool.hand_over(|| 2, Location::caller());
    assert_eq!(block_here(pin!(given)), 2);
}

/// A closure waits for another one, at the bound.
fn give_one_within_another(launch: Launch) {
    let pool = Pool::new(1, Duration::ZERO, launch);
    let within = pool.clone();
    let nested = move || block_here(pin!(within.hand_over(|| 3, Location::caller())));
    let given = pool.hand_over(nested, Location::caller());
    assert_eq!(block_here(pin!(given)), 3);
}

#[test]
fn a_closure_within_a_closure_is_run_at_the_bound() {
    check(2, || give_one_within_another(start_thread));
}

#[test]
fn a_closure_that_comes_while_a_thread_leaves_is_run() {
    check(3, || give_one_after_the_other(start_thread));
}

#[test]
fn closures_given_at_once_are_run_by_one_thread_that_may_leave() {
    check(2, || give_two(1, Duration::ZERO, start_thread));
}

#[test]
fn closures_given_at_once_are_run_by_two_threads_that_may_leave() {
    check(2, || give_two(2, Duration::ZERO, start_thread));
}

#[test]
fn closures_given_at_once_are_run_by_one_thread_that_stays() {
    check(3, || give_two(1, Duration::MAX, stay_for::<2>));
}

#[test]
fn a_closure_behind_a_cancelled_one_is_run() {
    check(3, cancel_one_of_two);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_thread_that_leaves_without_a_look_leaves_a_closure_behind() {
    check(3, || give_one_after_the_other(leave_without_a_look));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_thread_that_rests_too_late_misses_a_closure() {
    check(3, || give_two(1, Duration::MAX, rest_too_late::<2>));
}
