//! The six workloads without handles: tasks count themselves down, and the thread outside parks.

use std::future::Future;

use super::tasks_left::TasksLeft;
use crate::executors::{Executor, Handle, Lane};
use crate::workloads::{self, EMPTY_TASKS, LINKS, PAIRS, WAITS, YIELDING_TASKS};

pub(super) fn spawn_many<E: Executor>(on: &'static E) {
    let left = TasksLeft::of(EMPTY_TASKS);
    for _ in 0..EMPTY_TASKS {
        on.spawn(Lane::Default, async { left.one_ended() }).detach();
    }
    left.wait();
}

pub(super) fn spawn_inside<E: Executor>(on: &'static E) {
    let left = TasksLeft::of(EMPTY_TASKS);
    let spawning = async move {
        for _ in 0..EMPTY_TASKS {
            on.spawn_inside(Lane::Default, async { left.one_ended() })
                .detach();
        }
    };
    on.spawn(Lane::Default, spawning).detach();
    left.wait();
}

pub(super) fn yield_many<E, F, Y>(on: &'static E, yield_once: F)
where
    E: Executor,
    F: Fn() -> Y + Copy + Send + 'static,
    Y: Future<Output = ()> + Send + 'static,
{
    let left = TasksLeft::of(YIELDING_TASKS);
    let yielding = || async move {
        workloads::yielding(yield_once).await;
        left.one_ended();
    };
    for _ in 0..YIELDING_TASKS {
        on.spawn(Lane::Default, yielding()).detach();
    }
    left.wait();
}

pub(super) fn ping_pong<E: Executor>(on: &'static E) {
    let left = TasksLeft::of(PAIRS);
    let ping = || async {
        workloads::ping(on).await;
        left.one_ended();
    };
    let spawning = async move {
        for _ in 0..PAIRS {
            on.spawn_inside(Lane::Default, ping()).detach();
        }
    };
    on.spawn(Lane::Default, spawning).detach();
    left.wait();
}

pub(super) fn chain<E: Executor>(on: &'static E) {
    let left = TasksLeft::of(1);
    let first = async { workloads::chain(on, LINKS, || left.one_ended()) };
    on.spawn(Lane::Default, first).detach();
    left.wait();
}

pub(super) fn spawn_and_wait<E: Executor>(on: &'static E) {
    let left = TasksLeft::of(0);
    for _ in 0..WAITS {
        left.again(1);
        on.spawn(Lane::Default, async { left.one_ended() }).detach();
        left.wait();
    }
}
