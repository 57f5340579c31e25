//! Can single members of a group be told apart, cancelled, looked at and let go?

mod common;

use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::{DropCounter, Gate, eventually, soon};
use laneway::observe::{LostPanic, Observer};
use laneway::{Priority, Runtime, Task, TaskGroup, TaskId};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    builder.build().unwrap()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A member that waits for a gate, and then gives its number.
fn gated(rt: &Runtime, group: &mut TaskGroup<usize>, n: usize) -> (TaskId, Gate) {
    let gate = Gate::new();
    let wait = gate.wait();
    let member = async move {
        wait.await;
        n
    };
    let id = group.spawn_on(rt, member, Priority::Low);
    gate.eventually_polled(1);
    (id, gate)
}

#[test]
fn a_joined_member_comes_with_its_number() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (one, gate_of_one) = gated(&rt, &mut group, 1);
    let (two, gate_of_two) = gated(&rt, &mut group, 2);
    let three = rt.spawn(async { 3 }, Priority::High);
    let number = three.id();
    assert_eq!(group.insert(three), number);
    let (id, joined) = soon(group.join_next_with_id()).unwrap();
    assert_eq!((id, joined.unwrap()), (number, 3));
    gate_of_two.open();
    let (id, joined) = soon(group.join_next_with_id()).unwrap();
    assert_eq!((id, joined.unwrap()), (two, 2));
    gate_of_one.open();
    let (id, joined) = soon(group.join_next_with_id()).unwrap();
    assert_eq!((id, joined.unwrap()), (one, 1));
    assert!(soon(group.join_next_with_id()).is_none());
    let four = group
        .named("four")
        .spawn(async { resume_unwind(Box::new(4)) }, Priority::Low);
    let (id, joined) = soon(group.join_next_with_id()).unwrap();
    assert_eq!((id, joined.unwrap_err().name()), (four, Some("four")));
}

#[test]
fn one_member_is_cancelled_and_the_others_go_on() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (one, gate_of_one) = gated(&rt, &mut group, 1);
    let (_, gate_of_two) = gated(&rt, &mut group, 2);
    assert_eq!(soon(group.cancel(one)), None);
    assert_eq!((gate_of_one.drops(), gate_of_one.polls()), (1, 1));
    assert_eq!(group.len(), 1);
    assert_eq!(soon(group.cancel(one)), None, "it is no member any more");
    // Its place is given again, and a wake-up for it means nothing to the next.
    let (_, gate_of_three) = gated(&rt, &mut group, 3);
    gate_of_one.open();
    assert!(group.try_join_next().is_none());
    gate_of_three.open();
    assert_eq!(soon(group.join_next()).unwrap().unwrap(), 3);
    gate_of_two.open();
    assert_eq!(soon(group.join_all()).pop().unwrap().unwrap(), 2);
}

#[test]
fn the_output_of_a_member_that_has_ended_comes_with_its_cancellation() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (one, gate) = gated(&rt, &mut group, 1);
    gate.open();
    eventually("it has ended", || rt.metrics().queues[1].completed == 1);
    assert_eq!(soon(group.cancel(one)), Some(1));
    let over = rt.spawn(async { 2 }, Priority::Low);
    eventually("it has ended", || over.is_finished());
    let two = group.insert(over);
    assert_eq!(soon(group.cancel(two)), Some(2));
    assert!(group.try_join_next().is_none());
}

#[test]
fn a_task_cancels_a_member_of_its_group() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let forever = group.spawn_on(&rt, pending::<u8>(), Priority::Low);
    let cancels = async move { (group.cancel(forever).await, group.len()) };
    assert_eq!(soon(rt.spawn(cancels, Priority::Low)), (None, 0));
}

#[test]
fn a_cancellation_waits_until_the_future_is_gone_and_need_not_be_waited_for() {
    let rt = runtime();
    for is_awaited in [true, false] {
        let drops = DropCounter::new();
        let (begin, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let token = drops.token();
        let mut group = TaskGroup::<()>::new();
        let busy = async move {
            let _owned = token;
            begin.send(()).unwrap();
            let _ = released.recv();
            pending().await
        };
        let id = group.spawn_on(&rt, busy, Priority::Low);
        begun.recv_timeout(LONG).unwrap();
        drop(group.cancel(id));
        assert_eq!(group.len(), 1, "it was not polled");
        let mut cancel = Box::pin(group.cancel(id));
        for _ in 0..100 {
            assert!(poll_once(cancel.as_mut()).is_pending());
        }
        assert_eq!(drops.count(), 0);
        if is_awaited {
            drop(release);
            soon(cancel);
        } else {
            drop(cancel);
            drop(release);
            eventually("it is dropped", || drops.count() == 1);
        }
        assert_eq!((drops.count(), group.len()), (1, 0));
    }
}

#[derive(Default)]
struct Panics(Mutex<Vec<String>>);

impl Observer for Panics {
    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.0.lock().unwrap().push(panic.message().to_owned());
    }
}

#[test]
fn the_panic_of_a_cancelled_or_detached_member_is_reported_once() {
    let panics = Arc::new(Panics::default());
    let builder = Runtime::builder().with_observer(panics.clone());
    let rt = builder.build().unwrap();
    let throw = |words: &'static str| async move { resume_unwind(Box::new(words)) };
    let mut group = TaskGroup::<()>::new();
    let one = group.spawn_on(&rt, throw("cancelled"), Priority::Low);
    eventually("it ends", || rt.metrics().queues[1].panicked == 1);
    assert_eq!(soon(group.cancel(one)), None);
    let over = rt.spawn(throw("over and cancelled"), Priority::Low);
    eventually("it ends", || over.is_finished());
    let two = group.insert(over);
    assert_eq!(soon(group.cancel(two)), None);
    let over = rt.spawn(throw("over and detached"), Priority::Low);
    eventually("it ends", || over.is_finished());
    group.insert(over);
    group.spawn_on(&rt, throw("detached"), Priority::Low);
    group.detach_all();
    assert!(rt.shutdown(LONG).is_clean());
    let mut reported = panics.0.lock().unwrap().clone();
    reported.sort();
    let expected = [
        "cancelled",
        "detached",
        "over and cancelled",
        "over and detached",
    ];
    assert_eq!(reported, expected);
}

#[test]
fn try_join_next_gives_a_member_that_has_ended_and_does_not_wait() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    assert!(group.try_join_next().is_none());
    let (one, gate_of_one) = gated(&rt, &mut group, 1);
    let (_, gate_of_two) = gated(&rt, &mut group, 2);
    assert!(group.try_join_next().is_none());
    gate_of_one.open();
    let mut joined = None;
    eventually_mut("it is joined", || {
        joined = group.try_join_next_with_id();
        joined.is_some()
    });
    let (id, output) = joined.unwrap();
    assert_eq!((id, output.unwrap(), group.len()), (one, 1, 1));
    assert!(group.try_join_next().is_none());
    // A look does not take the wake-up from the one that waits.
    let opener = std::thread::spawn(move || gate_of_two.open());
    assert_eq!(soon(group.join_next()).unwrap().unwrap(), 2);
    opener.join().unwrap();
}

#[track_caller]
fn eventually_mut(what: &str, condition: impl FnMut() -> bool) {
    let condition = std::cell::RefCell::new(condition);
    eventually(what, || (condition.borrow_mut())());
}

#[test]
fn a_look_between_the_polls_of_a_join_keeps_its_waker() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (_, gate) = gated(&rt, &mut group, 1);
    assert!(poll_once(pin!(group.join_next())).is_pending());
    assert!(group.try_join_next().is_none());
    let mut joined = Box::pin(group.join_next());
    assert!(poll_once(joined.as_mut()).is_pending());
    let opener = std::thread::spawn(move || gate.open());
    assert_eq!(soon(joined).unwrap().unwrap(), 1);
    opener.join().unwrap();
}

#[test]
fn detached_members_run_on_and_the_group_begins_anew() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (sender, receiver) = mpsc::channel();
    let gate = Gate::new();
    let wait = gate.wait();
    let member = async move {
        wait.await;
        sender.send("ran").unwrap();
        1
    };
    group.spawn_on(&rt, member, Priority::Low);
    gate.eventually_polled(1);
    group.detach_all();
    assert!(group.is_empty());
    group.spawn_on(&rt, async { 2 }, Priority::Low);
    gate.open();
    assert_eq!(receiver.recv_timeout(LONG), Ok("ran"));
    assert_eq!(soon(group.join_next()).unwrap().unwrap(), 2);
    assert!(soon(group.join_next()).is_none());
    drop(group);
}

#[test]
fn tasks_are_collected_into_a_group_and_added_to_one() {
    let rt = runtime();
    let task = |n: usize| -> Task<usize> { rt.spawn(async move { n }, Priority::Low) };
    let mut group: TaskGroup<usize> = (0..3).map(task).collect();
    assert_eq!(group.len(), 3);
    group.extend((3..5).map(task));
    group.extend(Some(task(5)));
    let joined = soon(group.join_all()).into_iter();
    let mut outputs: Vec<usize> = joined.map(Result::unwrap).collect();
    outputs.sort_unstable();
    assert_eq!(outputs, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn whatever_is_done_to_a_group_each_member_is_accounted_for_once() {
    let rt = runtime();
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let drops = DropCounter::new();
        let mut group = TaskGroup::new();
        let (mut spawned, mut joined, mut cancelled) = (0, 0, 0);
        let mut ids: Vec<TaskId> = Vec::new();
        for _ in 0..60 {
            match rng.u8(..8) {
                0 => joined += usize::from(group.try_join_next().is_some()),
                1 => joined += usize::from(soon(group.join_next()).is_some()),
                2 if !ids.is_empty() => {
                    let before = group.len();
                    soon(group.cancel(ids.swap_remove(rng.usize(..ids.len()))));
                    cancelled += before - group.len();
                }
                _ => {
                    let (yields, token) = (rng.u8(..3), drops.token());
                    let member = async move {
                        let _owned = token;
                        for _ in 0..yields {
                            laneway::yield_now().await;
                        }
                    };
                    ids.push(group.spawn_on(&rt, member, Priority::Low));
                    spawned += 1;
                }
            }
        }
        joined += soon(group.join_all()).len();
        assert_eq!(joined + cancelled, spawned, "seed {seed}");
        assert_eq!(drops.count(), spawned, "seed {seed}");
    }
}

#[test]
fn members_that_are_told_to_end_are_joined_as_cancelled_ones() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let (_first, _gate_of_first) = gated(&rt, &mut group, 1);
    let (second, gate) = gated(&rt, &mut group, 2);
    let abort = group.abort_handle(second).unwrap();
    assert_eq!(group.ids().count(), 2);
    abort.abort();
    let (id, ended) = soon(group.join_next_with_id()).unwrap();
    assert_eq!(id, second);
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(group.abort_handle(second), None);
    group.abort_all();
    assert_eq!(group.len(), 1, "it is a member until it is joined");
    assert!(soon(group.join_next()).unwrap().unwrap_err().is_cancelled());
    drop(gate);
}

#[test]
fn members_that_end_while_they_are_inserted_are_joined() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    for n in 0..4_000_usize {
        group.insert(rt.spawn(async move { n }, Priority::Low));
    }
    let results = soon(group.join_all());
    let sum: usize = results.into_iter().map(Result::unwrap).sum();
    assert_eq!(sum, 4_000 * 3_999 / 2);
}
