//! The bringer that pushes behind many tasks and does not read the census (T25), step by step.
//!
//! Other workers see the push only when the store has left the bringer's core. The model lets them
//! take some steps before that: each is a theft, or a look in vain, and fetches a cache line from
//! another core. The deque is the real one, so that a theft takes as many tasks as it does.

use super::*;

/// At the latest at this step of theirs, other workers see the push: a store leaves its core sooner
/// than five times the content of another core's cache comes in, one after the other.
const SEEN_AT_THE_LATEST: usize = 6;

/// Whether the last of the other workers parks before it sees a push that makes as many `tasks` in
/// the deque, if it is seen at a given step. More workers are no faster: a theft has to see the one
/// before.
fn is_left_behind(tasks: usize, seen_at: usize) -> bool {
    let (mut own, shown) = local();
    let (loot, _) = local();
    let mut push = |id: usize| _ = own.push_back(runnable(id as u64));
    (1..tasks).for_each(&mut push);
    let mut step = 0;
    let mut steals = || {
        step += 1;
        if step == seen_at {
            push(tasks);
        }
        shown.steal(&loot).is_some()
    };
    // The search, and the look after the worker has entered the census.
    while steals() || steals() {}
    step < seen_at
}

#[test]
fn a_task_behind_many_is_seen_before_the_many_are_stolen() {
    let left_behind = (1..=SEEN_AT_THE_LATEST).find(|&step| is_left_behind(MANY, step));
    assert_eq!(left_behind, None);
}

#[test]
fn a_task_behind_few_may_be_left_behind() {
    assert!((1..=SEEN_AT_THE_LATEST).any(|step| is_left_behind(MANY / 8, step)));
}
